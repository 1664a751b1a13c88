/** The routes of the Training page as typed functions. */
import { halfToNumber } from '../scales/half';
import type { Client, Decode } from './Client';
import { readTensors, type Tensor, type TensorFile } from './safetensors';
import type {
  Correlation,
  FilterSeries,
  Forensics,
  ImageHistory,
  LayerBands,
  LayerSeries,
  NotFinite,
  TopFilters,
  Training,
  TrainingClasses,
  TrainingCurves,
  TrainingImages,
} from './types';
import { type Follow, json } from './wire';

/** Beyond this many characters a request line may be refused on its way. */
const LIST_MAX_CHARACTERS = 12_000;

/** A run's log as it is at `version`: what answers about it never changes. */
export interface LogOf {
  readonly run: string;
  readonly version: string;
}

export interface LayersQuery {
  readonly kind: string;
  /** One of the server's statistics, or `quartiles`. */
  readonly statistic: string;
  readonly units: readonly string[];
}

export interface BandsQuery {
  readonly kind: string;
  /** Ascending. */
  readonly edges: readonly number[];
  readonly units: readonly string[];
}

export interface FiltersQuery {
  readonly layer: string;
  readonly measure: string;
  /** Null takes all of them. */
  readonly filters: readonly number[] | null;
}

export interface CorrelationQuery {
  readonly threshold: number;
  readonly runLength: number;
  /** Null leaves these to the server. */
  readonly count: number | null;
  readonly keep: number | null;
  readonly allLayers: boolean;
}

type Parameters = Readonly<Record<string, string | number | null>>;

export class TrainingApi {
  constructor(private readonly client: Client) {}

  training(run: string, follow: Follow = {}): Promise<Training> {
    const url = `training?${new URLSearchParams({ run })}`;
    return this.client.get({ url, decode: json<Training>, ...follow });
  }

  curves(run: string, follow: Follow = {}): Promise<TrainingCurves> {
    const url = `training_curves?${new URLSearchParams({ run })}`;
    return this.client.get({ url, decode: json<TrainingCurves>, ...follow });
  }

  layers(log: LogOf, query: LayersQuery, follow: Follow = {}): Promise<LayerSeries> {
    const { kind, statistic } = query;
    const units = listed(query.units);
    return this.of(
      'training_layers',
      log,
      { kind, statistic, units },
      (file) => layerSeries(file, query),
      follow,
    );
  }

  bands(log: LogOf, query: BandsQuery, follow: Follow = {}): Promise<LayerBands> {
    const { kind, edges } = query;
    return this.of(
      'training_bands',
      log,
      { kind, edges: edges.join(','), units: listed(query.units) },
      (file) => layerBands(file, query),
      follow,
    );
  }

  filters(log: LogOf, query: FiltersQuery, follow: Follow = {}): Promise<FilterSeries> {
    const { layer, measure, filters } = query;
    return this.of(
      'training_filters',
      log,
      { layer, measure, filters: filters?.join(',') ?? null },
      (file) => filterSeries(file, query),
      follow,
    );
  }

  classes(
    log: LogOf,
    { runLength, clusters }: { readonly runLength: number; readonly clusters: number | null },
    follow: Follow = {},
  ): Promise<TrainingClasses> {
    const parameters = { run_length: runLength, clusters };
    return this.of('training_classes', log, parameters, trainingClasses, follow);
  }

  images(log: LogOf, index: number, follow: Follow = {}): Promise<TrainingImages> {
    return this.of('training_images', log, { class: index }, trainingImages, follow);
  }

  image(log: LogOf, image: number, follow: Follow = {}): Promise<ImageHistory> {
    return this.answer('training_image', log, { image }, follow);
  }

  /** The filters that changed most at every one of `steps`. */
  top(
    log: LogOf,
    steps: readonly number[],
    count: number | null,
    follow: Follow = {},
  ): Promise<TopFilters> {
    return this.answer('training_top', log, { steps: steps.join(','), count }, follow);
  }

  correlation(log: LogOf, query: CorrelationQuery, follow: Follow = {}): Promise<Correlation> {
    const { threshold, runLength, count, keep, allLayers } = query;
    const all = allLayers ? 1 : null;
    const parameters = { threshold, run_length: runLength, count, keep, all_layers: all };
    return this.answer('training_correlation', log, parameters, follow);
  }

  forensics(log: LogOf, step: number, follow: Follow = {}): Promise<Forensics> {
    return this.answer('training_forensics', log, { step }, follow);
  }

  private answer<T>(route: string, log: LogOf, parameters: Parameters, follow: Follow): Promise<T> {
    const url = address(route, log, parameters);
    return this.client.get({ url, decode: json<T>, immutable: true, ...follow });
  }

  private of<T>(
    route: string,
    log: LogOf,
    parameters: Parameters,
    read: (file: TensorFile) => T,
    follow: Follow,
  ): Promise<T> {
    const decode: Decode<T> = async (response) => {
      const buffer = await response.arrayBuffer();
      return { value: read(readTensors(buffer)), bytes: buffer.byteLength };
    };
    const url = address(route, log, parameters);
    return this.client.get({ url, decode, immutable: true, ...follow });
  }
}

/** What is null is left out. */
function address(route: string, { run, version }: LogOf, parameters: Parameters): string {
  const query = new URLSearchParams({ run, v: version });
  for (const [key, value] of Object.entries(parameters)) {
    if (value !== null) query.set(key, String(value));
  }
  return `${route}?${query}`;
}

/** As a JSON list; null asks for all units where the list is too long for an address. */
function listed(units: readonly string[]): string | null {
  const text = JSON.stringify(units);
  return text.length <= LIST_MAX_CHARACTERS ? text : null;
}

function layerSeries(file: TensorFile, { kind, statistic, units }: LayersQuery): LayerSeries {
  const values = float32(file, 'values');
  const depth = statistic === 'quartiles' ? 5 : 1;
  const notFinite = notFiniteOf(file, units);
  return { kind, statistic, depth, units, values: rowsOf(file, values, units), notFinite };
}

function layerBands(file: TensorFile, { kind, edges, units }: BandsQuery): LayerBands {
  const values = rowsOf(file, float32(file, 'values'), units);
  return { kind, edges, units, values, notFinite: notFiniteOf(file, units) };
}

function notFiniteOf(file: TensorFile, units: readonly string[]): NotFinite | null {
  if (!file.tensors.not_finite) return null;
  const rows = (name: string) => rowsOf(file, float64(file, name), units);
  return { some: rows('not_finite'), of: rows('count') };
}

/** The rows of `units`, of an answer that may hold those of all units. */
function rowsOf<T extends Float32Array | Float64Array>(
  file: TensorFile,
  values: T,
  units: readonly string[],
): T {
  const given = file.metadata.units ? (JSON.parse(file.metadata.units) as string[]) : units;
  const [rows = 0] = tensor(file, 'values').shape;
  if (rows !== given.length) {
    throw new Error(`the file holds ${rows} series of ${given.length} units`);
  }
  if (given.length === units.length && given.every((path, index) => path === units[index])) {
    return values;
  }
  const stride = values.length / Math.max(1, rows);
  const places = new Map(given.map((path, index) => [path, index]));
  const picked = new (values.constructor as new (length: number) => T)(units.length * stride);
  picked.fill(Number.NaN);
  units.forEach((path, index) => {
    const place = places.get(path);
    if (place === undefined) return;
    picked.set(values.subarray(place * stride, (place + 1) * stride), index * stride);
  });
  return picked;
}

function filterSeries(file: TensorFile, { layer, measure, filters }: FiltersQuery): FilterSeries {
  const values = float32(file, 'values');
  const [rows = 0] = tensor(file, 'values').shape;
  if (filters !== null && filters.length !== rows) {
    throw new Error(`the file holds ${rows} series of ${filters.length} filters`);
  }
  const all = filters ?? Array.from({ length: rows }, (_, index) => index);
  return { layer, measure, filters: all, values };
}

function trainingClasses(file: TensorFile): TrainingClasses {
  return {
    error: float32(file, 'error'),
    left: int32(file, 'left'),
    right: int32(file, 'right'),
    modelError: float32(file, 'model_error'),
    modelLeft: int32(file, 'model_left'),
    modelRight: int32(file, 'model_right'),
    mds: int32(file, 'mds'),
    peak: int32(file, 'peak'),
    cluster: int32(file, 'cluster'),
    firstImage: int32(file, 'first_image'),
  };
}

function trainingImages(file: TensorFile): TrainingImages {
  return {
    image: int32(file, 'image'),
    names: JSON.parse(file.metadata.names ?? '[]') as string[],
    predicted: int32(file, 'predicted'),
    probability: Float32Array.from(halves(file, 'probability'), halfToNumber),
    order: int32(file, 'order'),
    leftOut: Number(file.metadata.left_out ?? 0),
  };
}

function tensor({ tensors }: TensorFile, name: string): Tensor {
  const found = tensors[name];
  if (!found) throw new Error(`the file has no ${name}`);
  return found;
}

function float64(file: TensorFile, name: string): Float64Array {
  const { values } = tensor(file, name);
  if (!(values instanceof Float64Array)) throw new Error(`${name} is not F64`);
  return values;
}

function float32(file: TensorFile, name: string): Float32Array {
  const { values } = tensor(file, name);
  if (!(values instanceof Float32Array)) throw new Error(`${name} is not F32`);
  return values;
}

function int32(file: TensorFile, name: string): Int32Array {
  const { values } = tensor(file, name);
  if (!(values instanceof Int32Array)) throw new Error(`${name} is not I32`);
  return values;
}

function halves(file: TensorFile, name: string): Uint16Array {
  const { values } = tensor(file, name);
  if (!(values instanceof Uint16Array)) throw new Error(`${name} is not F16`);
  return values;
}
