import { afterEach, expect, test } from 'vitest';
import { readKeys, replaceKeys } from '../../src/host/hash';
import * as training from '../../src/state/training';
import { applyTraining, currentTraining, decodeTraining } from '../../src/state/training-url';
import { applyShared, currentShared, decode, encode } from '../../src/state/url';
import { resetPage } from '../harness/page-state';

afterEach(resetPage);

const everything = {
  page: 'training',
  beside: 'runs/a, b%',
  closed: 'findings,correlation',
  steps: '1600-643200',
  pins: '644800,209600',
  marks: 'off',
  pin: 'off',
  height: '200',
  values: 'log',
  least: '7',
  lasting: '0',
  triangles: 'off',
  classes: 'peak',
  clusters: 'off',
  class_images: '12,40,-1',
  cluster: '0,3',
  picture: '4711',
  picture_at: '644800',
  told: 'probability',
  validation: 'off',
  of: 'moment2',
  statistic: 'variance',
  chart: 'bands',
  same: 'on',
  horizon: '2',
  mirror: 'off',
  base: 'lowest',
  units: 'conv2,conv2/block1,odd%2Cname',
  open: 'conv1',
  measure: 'relative_l2',
  shades: 'all',
  edges: '0,0.001,0.01',
  top: 'on',
  relation: 'cube',
  cube: 'oblique',
  changed: '20',
  kept: '2',
  every: 'on',
};

test('the whole selection survives the address', () => {
  applyShared({ ...decode({}), training: everything });
  expect(training.pins.value).toEqual([209_600, 644_800]);
  expect(training.newestPin.value).toBe(209_600);
  expect(training.openUnits.value).toEqual(['conv2', 'conv2/block1', 'odd,name']);
  expect(training.stepRange.value).toEqual([1600, 643_200]);
  const hash = replaceKeys('#snapshot_compare', encode(currentShared()));
  expect(decode(readKeys(hash)).training).toEqual(everything);
  expect(hash).toContain('p.snapshot_compare.units=conv2,conv2/block1');
});

test('every key is one of the Training page alone', () => {
  const others = encode({ ...decode({ a: 'x', layer: 'c', filters: '1' }), axis: 'step' });
  for (const key of Object.keys(everything)) expect(others).not.toHaveProperty(key);
});

test('defaults are left out', () => {
  expect(currentTraining()).toEqual({});
  applyTraining(everything);
  applyTraining({});
  expect(currentTraining()).toEqual({});
  expect(training.page.value).toBe('compare');
  expect(training.pins.value).toEqual([]);
});

test.each([
  [{ page: 'cube' }, {}],
  [{ page: 'compare' }, {}],
  [{ steps: '9-3' }, {}],
  [{ steps: '1-2-3' }, {}],
  [{ steps: '-4' }, {}],
  [{ steps: '5-5' }, { steps: '5-5' }],
  [{ pins: '5,x,5,-1,1e9,7' }, { pins: '5,7' }],
  [{ pins: '' }, {}],
  [{ marks: 'maybe' }, {}],
  [{ least: '0' }, {}],
  [{ lasting: '100' }, {}],
  [{ height: '9999' }, {}],
  [{ statistic: '<b>' }, {}],
  [{ closed: 'model,kitchen' }, { closed: 'model' }],
  [{ units: `${'x'.repeat(2000)},ok,%E0%A4%A` }, { units: 'ok' }],
  [{ edges: '0.1,0.01' }, {}],
  [{ edges: '-1,1' }, {}],
  [{ edges: 'NaN' }, {}],
  [{ class_images: '1,1,-2,3' }, { class_images: '1,3' }],
])('the hostile address %j is brought within bounds', (keys, expected) => {
  expect(decodeTraining(keys)).toEqual(expected);
});

test('of thousands of pins the newest stay', () => {
  const pins = Array.from({ length: 5000 }, (_, index) => index).join(',');
  const kept = decodeTraining({ pins }).pins?.split(',');
  expect([kept?.length, kept?.at(-1)]).toEqual([256, '4999']);
});
