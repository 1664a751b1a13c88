import { expect, test } from 'vitest';
import type { Client } from '../../src/client/Client';
import { TrainingApi } from '../../src/client/TrainingApi';
import { type FilePart, tensorFile } from '../harness/tensor-file';

const shape = [3, 2];
const VALUES: FilePart = {
  name: 'values',
  dtype: 'F32',
  shape,
  values: Float32Array.of(1, 2, 3, 4, 5, Number.NaN),
};
const COUNTS: readonly FilePart[] = [
  { name: 'not_finite', dtype: 'F64', shape, values: Float64Array.of(0, 0, 0, 1, 0, 9) },
  { name: 'count', dtype: 'F64', shape, values: Float64Array.of(7, 7, 8, 8, 9, 9) },
];

/** Of a server that answers everything with this file. */
function api(parts: readonly FilePart[]): TrainingApi {
  const buffer = tensorFile(parts, { units: '["", "a", "b"]' });
  const client: Pick<Client, 'get'> = {
    get: async ({ decode }) => (await decode(new Response(buffer))).value,
  };
  return new TrainingApi(client as Client);
}

const log = { run: 'r', version: 'v' };

test('counts of values that are not finite come with statistics and shares, of the units asked for', async () => {
  const server = api([...COUNTS, VALUES]);
  const query = { kind: 'weight', statistic: 'mean', units: ['b', 'a'] };
  const series = await server.layers(log, query);
  expect([...series.values]).toEqual([5, Number.NaN, 3, 4]);
  expect([...(series.notFinite?.some ?? [])]).toEqual([0, 9, 0, 1]);
  expect([...(series.notFinite?.of ?? [])]).toEqual([9, 9, 8, 8]);
  const bands = await server.bands(log, { kind: 'update', edges: [0.1], units: ['b'] });
  expect([...(bands.notFinite?.some ?? [])]).toEqual([0, 9]);
});

test('without counts all values are finite', async () => {
  const query = { kind: 'weight', statistic: 'mean', units: ['a'] };
  expect((await api([VALUES]).layers(log, query)).notFinite).toBeNull();
});
