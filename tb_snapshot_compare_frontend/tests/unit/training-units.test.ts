import { afterEach, expect, test } from 'vitest';
import type { Training, TrainingUnit } from '../../src/client/types';
import {
  layerChart,
  layerKind,
  onlyTop,
  openLayers,
  openUnits,
  pins,
  shownKind,
  shownLayers,
  shownUnits,
  training,
} from '../../src/state/training';
import { topFilters } from '../../src/state/training-data';
import { layersBelow, unitsOnShow, unitTree } from '../../src/state/training-units';

function unit(path: string, parent: string | null): TrainingUnit {
  return { path, parent, kind: 'Unit', is_layer: false, filters: 4, parameters: 8 };
}

const NETWORK = [
  unit('', null),
  unit('net', ''),
  unit('net/stem', 'net'),
  unit('net/stage', 'net'),
  unit('net/stage/one', 'net/stage'),
  unit('net/stage/one/conv', 'net/stage/one'),
  unit('net/stage/two', 'net/stage'),
  unit('net/head', 'net'),
];

function show(kinds: Training['kinds']): void {
  const value = { kinds, units: NETWORK, dumps: [], passes: [] };
  training.value = { status: 'ready', value: value as unknown as Training };
}

afterEach(() => {
  training.value = { status: 'idle' };
  topFilters.value = { status: 'idle' };
  [openUnits, openLayers, pins].forEach((list) => {
    list.value = [];
  });
  [layerKind.value, layerChart.value, onlyTop.value] = [null, 'horizon', false];
});

test('the outermost units are those that are more than one', () => {
  expect(unitTree(NETWORK).top).toEqual(['net/stem', 'net/stage', 'net/head']);
  expect(unitTree(NETWORK.slice(0, 3)).top).toEqual(['net/stem']);
  expect(unitTree([]).top).toEqual([]);
});

test('a unit whose parent is not known stands outermost', () => {
  expect(unitTree([unit('a', 'lost'), unit('b', null)]).top).toEqual(['a', 'b']);
});

test('an open unit is replaced by its children, in its place', () => {
  const tree = unitTree(NETWORK);
  expect(unitsOnShow(tree, ['net/stage'])).toEqual([
    'net/stem',
    'net/stage/one',
    'net/stage/two',
    'net/head',
  ]);
  expect(unitsOnShow(tree, ['net/stage', 'net/stage/one'])[1]).toBe('net/stage/one/conv');
  expect(unitsOnShow(tree, ['net/stage/one', 'net/stem'])).toEqual(tree.top);
});

test('the layers below a unit are its leaves', () => {
  const tree = unitTree(NETWORK);
  expect(layersBelow(tree, 'net/stage')).toEqual(['net/stage/one/conv', 'net/stage/two']);
  expect(layersBelow(tree, 'net/head')).toEqual(['net/head']);
});

test('only layers that have a row show their filters', () => {
  show(['weight']);
  openLayers.value = ['net/stage/one/conv', 'net/head'];
  expect(shownLayers.value).toEqual(['net/head']);
  openUnits.value = ['net/stage', 'net/stage/one'];
  expect(shownLayers.value).toEqual(['net/stage/one/conv', 'net/head']);
});

test('of many opened layers those opened last show their filters', () => {
  const many = Array.from({ length: 14 }, (_, at) => unit(`layer${at}`, ''));
  const value = { kinds: [], units: [unit('', null), ...many], dumps: [], passes: [] };
  training.value = { status: 'ready', value: value as unknown as Training };
  openLayers.value = many.map(({ path }) => path).toReversed();
  expect(shownLayers.value).toEqual(many.slice(0, 12).map(({ path }) => path));
});

test('the kind is the one chosen where it is recorded, else gradients, updates, weights', () => {
  show(['weight', 'update', 'gradient']);
  expect(shownKind.value).toBe('gradient');
  layerKind.value = 'weight';
  expect(shownKind.value).toBe('weight');
  layerChart.value = 'bands';
  expect(shownKind.value).toBe('gradient');
  show(['weight', 'update']);
  expect(shownKind.value).toBe('update');
  show(['weight']);
  expect(shownKind.value).toBeNull();
});

test('among top filters only their layers have rows, in the order of the network', () => {
  show(['weight']);
  onlyTop.value = true;
  const changed = (layer: string) => ({ layer, filter: 1, cosine: [0.5], relative_l2: [0.1] });
  topFilters.value = {
    status: 'ready',
    value: {
      steps: [5],
      count: 20,
      filters: [changed('net/head'), changed('net/stage/two')],
      left_out: [],
    },
  };
  expect(shownUnits.value).toEqual(['net/stem', 'net/stage', 'net/head']);
  pins.value = [5];
  expect(shownUnits.value).toEqual(['net/stage/two', 'net/head']);
  expect(shownLayers.value).toEqual(shownUnits.value);
});
