/** A comparison from its columns: arrays of measures, and one text of all else. */
import type { Decode } from './Client';
import { readSafeTensors } from './safetensors';
import type { Comparison, LayerDifference, Measures, TensorDifference } from './types';
import { json } from './wire';

/** The different values of a field, and which of them each thing has. */
interface Coded<T> {
  readonly values: readonly T[];
  readonly codes: readonly number[];
}

type Repeated = Omit<TensorDifference, 'name' | 'count' | 'measures'>;

interface Columns extends Omit<Comparison, 'layers' | 'tensors'> {
  readonly measures: readonly (keyof Measures)[];
  readonly layers: {
    readonly name: readonly string[];
    readonly kind: Coded<string>;
    readonly count: readonly number[];
  };
  readonly tensors: {
    readonly name: readonly string[];
    readonly count: readonly number[];
  } & { readonly [Field in keyof Repeated]: Coded<Repeated[Field]> };
}

const ARRAYS = 'application/octet-stream';

/** The answer in the form in which it comes. */
export async function comparisonOf(response: Response): ReturnType<Decode<Comparison>> {
  if (response.headers.get('Content-Type') !== ARRAYS) return json(response);
  const buffer = await response.arrayBuffer();
  return { value: readComparison(buffer), bytes: 2 * buffer.byteLength };
}

export function readComparison(buffer: ArrayBuffer): Comparison {
  const { metadata, arrays } = readSafeTensors(buffer);
  if (metadata.comparison === undefined || !arrays.layers || !arrays.tensors) {
    throw new Error('the file holds no comparison');
  }
  const { measures, layers, tensors, ...rest } = JSON.parse(metadata.comparison) as Columns;
  const ofLayers = reader(measures, arrays.layers, layers.name.length);
  const ofTensors = reader(measures, arrays.tensors, tensors.name.length);
  return {
    ...rest,
    layers: layers.name.map(
      (name, place): LayerDifference => ({
        name,
        kind: decoded(layers.kind, place),
        count: layers.count[place] as number,
        measures: ofLayers(place),
      }),
    ),
    tensors: tensors.name.map((name, place): TensorDifference => {
      const measured = ofTensors(place);
      return {
        name,
        layer: decoded(tensors.layer, place),
        role: decoded(tensors.role, place),
        scope: decoded(tensors.scope, place),
        dtype_a: decoded(tensors.dtype_a, place),
        dtype_b: decoded(tensors.dtype_b, place),
        shape_a: decoded(tensors.shape_a, place),
        shape_b: decoded(tensors.shape_b, place),
        status: decoded(tensors.status, place),
        count: tensors.count[place] as number,
        problem: decoded(tensors.problem, place),
        rule: decoded(tensors.rule, place),
        // A count is never undefined where there are measures.
        measures: measured.sign_flips === null ? null : measured,
      };
    }),
  };
}

function decoded<T>({ values, codes }: Coded<T>, place: number): T {
  return values[codes[place] as number] as T;
}

/** Reads what stands at a place of every row. */
function reader(
  keys: readonly (keyof Measures)[],
  table: Float64Array,
  things: number,
): (place: number) => Measures {
  if (table.length !== keys.length * things) {
    throw new Error(`${table.length} measures of ${things} things`);
  }
  return (place) => {
    const found: Partial<Record<keyof Measures, number | null>> = {};
    keys.forEach((key, row) => {
      const value = table[row * things + place] as number;
      found[key] = Number.isNaN(value) ? null : value;
    });
    return found as Measures;
  };
}
