import { expect, test } from 'vitest';
import { comparisonOf, readComparison } from '../../src/client/comparison';
import type { Comparison, Measures } from '../../src/client/types';
import { comparisonOf as comparisonFixture, listingOf } from '../harness/fixtures';

const [a, b] = listingOf().runs.flatMap((run) => run.snapshots);
if (!a || !b) throw new Error('the listing has fewer than two snapshots');
const compared = comparisonFixture(a, b);
const KEYS = Object.keys(compared.model) as (keyof typeof compared.model)[];

test('columns say what the objects say', () => {
  expect(readComparison(inColumns(compared))).toEqual(compared);
});

test('a tensor without measures has none', () => {
  const [first, ...others] = compared.tensors;
  if (!first) throw new Error('no tensor');
  const lost = { ...first, status: 'only_a' as const, measures: null };
  const changed = { ...compared, tensors: [lost, ...others] };
  expect(readComparison(inColumns(changed)).tensors[0]).toEqual(lost);
});

test('a file of other lengths is refused', () => {
  const short = { ...compared, layers: compared.layers.slice(1) };
  expect(() => readComparison(inColumns(compared, short))).toThrow('measures of');
});

test('an answer in JSON is read as such', async () => {
  const response = Response.json(compared);
  expect((await comparisonOf(response)).value).toEqual(compared);
});

/** The measures of `compared`, and all else of `text`. */
function inColumns(compared: Comparison, text: Comparison = compared): ArrayBuffer {
  const { layers, tensors, ...rest } = text;
  const field = <T>(all: readonly T[]) => {
    const values = [...new Map(all.map((value) => [JSON.stringify(value), value])).values()];
    const places = new Map(values.map((value, place) => [JSON.stringify(value), place]));
    return { values, codes: all.map((value) => places.get(JSON.stringify(value))) };
  };
  const of = (key: keyof (typeof tensors)[number]) => field(tensors.map((tensor) => tensor[key]));
  const repeated = ['layer', 'role', 'scope', 'dtype_a', 'dtype_b', 'shape_a', 'shape_b'] as const;
  const comparison = JSON.stringify({
    ...rest,
    measures: KEYS,
    layers: {
      name: layers.map(({ name }) => name),
      kind: field(layers.map(({ kind }) => kind)),
      count: layers.map(({ count }) => count),
    },
    tensors: {
      name: tensors.map(({ name }) => name),
      count: tensors.map(({ count }) => count),
      ...Object.fromEntries(
        [...repeated, 'status' as const, 'problem' as const, 'rule' as const].map((key) => [
          key,
          of(key),
        ]),
      ),
    },
  });
  const table = (all: readonly { readonly measures: Measures | null }[]) =>
    new Float64Array(
      KEYS.flatMap((key) => all.map(({ measures }) => measures?.[key] ?? Number.NaN)),
    );
  return file({ layers: table(compared.layers), tensors: table(compared.tensors) }, comparison);
}

function file(arrays: Record<string, Float64Array>, comparison: string): ArrayBuffer {
  let offset = 0;
  const entries = Object.entries(arrays).map(([name, { length, byteLength }]) => {
    const start = offset;
    offset += byteLength;
    return [name, { dtype: 'F64', shape: [length], data_offsets: [start, offset] }];
  });
  const header = new TextEncoder().encode(
    JSON.stringify({ __metadata__: { comparison }, ...Object.fromEntries(entries) }),
  );
  const bytes = new Uint8Array(8 + header.length + offset);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, 8);
  let at = 8 + header.length;
  for (const array of Object.values(arrays)) {
    bytes.set(new Uint8Array(array.buffer), at);
    at += array.byteLength;
  }
  return bytes.buffer;
}
