import { expect, test } from 'vitest';
import { layersBelow, unitsOnShow, unitTree } from '../../src/state/training-units';
import { findingsOf } from '../../src/views/training-layers/marks';
import { rowNames } from '../../src/views/training-layers/names';
import {
  baseLine,
  FILTERS_MOST,
  heightOf,
  layOutRows,
  ROW,
  rowAt,
  rowsWithin,
} from '../../src/views/training-layers/rows';
import { layOutTree, openAfter, treeItems } from '../../src/views/training-layers/tree';
import { treeAct } from '../../src/views/training-layers/tree-keys';
import { random, resNet50, smallNetwork } from '../harness-layers/log';

const tree = unitTree(resNet50());
const shownUnits = (open: readonly string[]) =>
  unitsOnShow(tree, open).flatMap((path) => tree.units.get(path) ?? []);

function rowsOf(open: readonly string[], filters: readonly string[] = [], zoom = 1) {
  return layOutRows(shownUnits(open), (unit) =>
    filters.includes(unit.path) ? { kind: 'pixels', filters: unit.filters, zoom } : null,
  );
}

test('a made-up ResNet-50 has its 54 layers in six outermost units', () => {
  expect(tree.top).toEqual(['conv1', 'conv2', 'conv3', 'conv4', 'conv5', 'fc1000']);
  expect(tree.top.flatMap((path) => layersBelow(tree, path))).toHaveLength(54);
});

test('open units come before their children, with their places among their siblings', () => {
  const items = treeItems(tree, unitsOnShow(tree, ['conv2', 'conv2/block1']));
  expect(
    items.map(({ unit, level, open }) => `${level} ${unit.path}${open ? ' open' : ''}`),
  ).toEqual([
    '1 conv1',
    '1 conv2 open',
    '2 conv2/block1 open',
    '3 conv2/block1/conv1',
    '3 conv2/block1/conv2',
    '3 conv2/block1/conv3',
    '3 conv2/block1/shortcut',
    '2 conv2/block2',
    '2 conv2/block3',
    '1 conv3',
    '1 conv4',
    '1 conv5',
    '1 fc1000',
  ]);
  const block = items[7];
  expect([block?.position, block?.siblings, block?.children]).toEqual([2, 3, 3]);
  expect(items[3]?.expands).toBe(true);
});

test('among the layers of top filters only what leads to them is in the tree', () => {
  const items = treeItems(tree, ['conv3/block2/conv1', 'fc1000']);
  expect(items.map(({ unit }) => unit.path)).toEqual([
    'conv3',
    'conv3/block2',
    'conv3/block2/conv1',
    'fc1000',
  ]);
});

test('arrows move through the tree, open it and close it', () => {
  const items = treeItems(tree, unitsOnShow(tree, ['conv2']));
  const act = (current: string | null, key: string) => treeAct(items, current, key);
  expect(act('conv1', 'ArrowDown')).toEqual({ kind: 'move', path: 'conv2' });
  expect(act('conv1', 'ArrowUp')).toEqual({ kind: 'move', path: 'conv1' });
  expect(act('conv2', 'ArrowRight')).toEqual({ kind: 'move', path: 'conv2/block1' });
  expect(act('conv2', 'ArrowLeft')).toEqual({ kind: 'close', path: 'conv2' });
  expect(act('conv2/block1', 'ArrowRight')).toEqual({ kind: 'open', path: 'conv2/block1' });
  expect(act('conv2/block1', 'ArrowLeft')).toEqual({ kind: 'move', path: 'conv2' });
  expect(act('conv1', 'Enter')).toEqual({ kind: 'expand', path: 'conv1' });
  expect(act('conv3', 'Enter')).toEqual({ kind: 'open', path: 'conv3' });
  expect(act('conv1', 'ArrowRight')).toBeNull();
  expect(act(null, 'End')).toEqual({ kind: 'move', path: 'fc1000' });
  expect(act('conv1', 'q')).toBeNull();
  expect(treeAct([], null, 'Home')).toBeNull();
});

test('rows lie under one another, filters below their layer', () => {
  const rows = rowsOf([], ['conv1', 'fc1000']);
  expect(rows[0]?.filters?.top).toBe(ROW);
  expect(rows[1]?.top).toBe(rows[0]?.height);
  const last = rows.at(-1);
  expect(last?.filters?.chart).toBe(FILTERS_MOST);
  expect(heightOf(rows)).toBe((last?.top ?? 0) + (last?.height ?? 0));
  expect(heightOf([])).toBe(0);
});

test('a filter has a pixel at least, and more where there are few; zoom enlarges it', () => {
  expect([2048, 92, 64, 16, 4].map(baseLine)).toEqual([1, 1, 2, 6, 8]);
  expect(rowsOf([], ['conv1'], 2.5)[0]?.filters?.line).toBe(5);
});

test('every height belongs to the row that covers it', () => {
  const next = random(3);
  const rows = rowsOf(['conv2', 'conv4'], ['conv1', 'conv4/block1']);
  for (let trial = 0; trial < 400; trial += 1) {
    const y = next() * (heightOf(rows) + 40) - 20;
    const covered = rows.findIndex(({ top, height }) => y >= top && y < top + height);
    expect(rowAt(rows, y)).toBe(covered);
    const within = rowsWithin(rows, y, y + 90);
    expect(within).toEqual(rows.filter(({ top, height }) => top < y + 90 && top + height > y));
  }
});

test('the network runs from top to bottom in its order, and bars span their layers', () => {
  const open = ['conv3'];
  const rows = rowsOf(open);
  const height = heightOf(rows);
  const layout = layOutTree(tree, treeItems(tree, unitsOnShow(tree, open)), rows, height);
  const tops = layout.layers.map(({ top }) => top);
  expect(tops).toEqual([...tops].sort((one, other) => one - other));
  expect(layout.layers.at(-1)?.path).toBe('fc1000');
  const places = new Map(layout.layers.map((mark) => [mark.path, mark]));
  for (const { item, top, height: tall } of layout.bars) {
    const inside = layersBelow(tree, item.unit.path).map((path) => places.get(path)?.top ?? -1);
    for (const [path, mark] of places) {
      const middle = mark.top + mark.height / 2;
      const isInside = layersBelow(tree, item.unit.path).includes(path);
      expect(middle > top && middle < top + tall).toBe(isInside);
    }
    expect(inside.every((place) => place >= 0)).toBe(true);
  }
  expect(layout.connectors.map(({ path }) => path).sort()).toEqual(
    [...unitsOnShow(tree, open)].sort(),
  );
});

test('bars of deeper units stand further right, within the gutter', () => {
  const open = ['conv3', 'conv3/block1'];
  const items = treeItems(tree, unitsOnShow(tree, open));
  const { bars } = layOutTree(tree, items, rowsOf(open), 900);
  const lefts = [1, 2, 3].map((level) => bars.find(({ item }) => item.level === level)?.left ?? 0);
  expect(lefts).toEqual([...lefts].sort((one, other) => one - other));
  expect(Math.max(...bars.map(({ left, width }) => left + width))).toBeLessThan(84);
});

test('a network without groups has a row for each layer', () => {
  const small = unitTree(smallNetwork());
  expect(unitsOnShow(small, [])).toEqual(['conv1', 'conv2', 'fc']);
  expect(treeItems(small, small.top).every(({ expands }) => expands)).toBe(true);
});

test('names are as short as tells them apart, alike among the children of one unit', () => {
  const named = (paths: readonly string[]) =>
    rowNames(paths.map((path) => ({ path, parent: path.slice(0, path.lastIndexOf('/')) })));
  expect([...named(['conv1', 'conv2/a', 'conv2/b']).values()]).toEqual(['conv1', 'a', 'b']);
  const names = named(['s1/x/conv', 's1/x/add', 's1/y/conv', 's2/x/conv', '']);
  expect([...names.values()]).toEqual([
    's1/x/conv',
    's1/x/add',
    'y/conv',
    's2/x/conv',
    'whole model',
  ]);
});

test('names that begin as their group does are told by the rest', () => {
  const units = [
    { path: 'conv1', parent: '' },
    { path: 'conv1_conv', parent: 'conv1' },
    { path: 'conv2', parent: '' },
    { path: 'conv2_block1', parent: 'conv2' },
    { path: 'conv2_block1_1_bn', parent: 'conv2_block1' },
    { path: 'conv2_block2', parent: 'conv2' },
    { path: 'conv3', parent: '' },
    { path: 'conv3_block1', parent: 'conv3' },
    { path: 'odd', parent: 'conv3' },
    { path: 'conv3_', parent: 'conv3' },
  ];
  expect(Object.fromEntries(rowNames(units))).toEqual({
    conv1: 'conv1',
    conv1_conv: 'conv',
    conv2: 'conv2',
    conv2_block1: 'conv2_block1',
    conv2_block1_1_bn: '1_bn',
    conv2_block2: 'conv2_block2',
    conv3: 'conv3',
    conv3_block1: 'conv3_block1',
    odd: 'odd',
    conv3_: 'conv3_',
  });
});

test('findings mark the rows of their units, and rows that hold these', () => {
  const finding = (units: string[], severity: 'problem' | 'note', also: string[] = []) => ({
    id: severity,
    kind: 'never_trained' as const,
    severity,
    text: '',
    view: 'layers' as const,
    units,
    classes: [],
    steps: [],
    also,
  });
  const all = [finding(['conv3/block1/conv1'], 'note'), finding(['conv3/block2'], 'problem')];
  const found = findingsOf(tree, all, ['conv2', 'conv3']);
  expect([...found.keys()]).toEqual(['conv3']);
  expect(found.get('conv3')?.map(({ severity }) => severity)).toEqual(['problem', 'note']);
  expect(findingsOf(tree, all, ['conv3/block1/conv1']).size).toBe(1);
  const spread = [finding(['conv3/block2'], 'problem', ['conv2'])];
  expect([...findingsOf(tree, spread, ['conv2', 'conv3']).keys()]).toEqual(['conv2', 'conv3']);
});

test('opening and closing keeps what else is open', () => {
  expect(openAfter(['a', 'b'], 'c', true)).toEqual(['a', 'b', 'c']);
  expect(openAfter(['a', 'b'], 'a', true)).toEqual(['b', 'a']);
  expect(openAfter(['a', 'b'], 'a', false)).toEqual(['b']);
});
