/** A network of thousands of groups costs some passes over its layers, not one for each group. */
import { expect, test } from 'vitest';
import type { LayerNode } from '../../src/client/types';
import { findBlocks } from '../../src/views/network/blocks';
import { buildNetwork, layersOf } from '../../src/views/network/network';
import type { Unit } from '../../src/views/network/types';
import { openByDefault } from '../../src/views/network/visible';

const EXPERTS = 1_000;
const PARTS = ['gate', 'up', 'down'];
const PASSES = 10;

test('looking for blocks reads the group of every layer a few times', () => {
  let looks = 0;
  const units = layers().map((layer): Unit => {
    const unit = { name: layer.name, layer, folded: [], group: null };
    return Object.defineProperty(unit, 'group', {
      get: () => {
        looks += 1;
        return layer.parent;
      },
      enumerable: true,
    });
  });
  expect(findBlocks(units, [], new Map()).units).toHaveLength(units.length);
  expect(looks).toBeLessThan(PASSES * units.length);
});

test('the layers of a group are found once for all groups', () => {
  const nodes = [group('model', null), ...groups(), ...layers()];
  const network = buildNetwork(
    { source: 'names', note: '', nodes, edges: [] },
    { compact: true, blocks: null },
  );
  expect(layersOf(network, 'model')).toHaveLength(PARTS.length * EXPERTS);
  expect(layersOf(network, 'model/7').map(({ name }) => name)).toEqual(
    PARTS.map((part) => `model/7/${part}`),
  );
  expect(layersOf(network, 'model/7')).toBe(layersOf(network, 'model/7'));
  expect(layersOf(network, 'nothing')).toEqual([]);
});

test('what is open at first is found without going over the links', () => {
  const nodes = [group('model', null), ...groups(), ...layers()];
  const built = buildNetwork(
    { source: 'names', note: '', nodes, edges: [] },
    { compact: true, blocks: false },
  );
  const network = Object.defineProperty({ ...built }, 'links', {
    get: () => {
      throw new Error('the links were asked for');
    },
  });
  expect(openByDefault(network).size).toBe(0);
});

function groups(): LayerNode[] {
  return Array.from({ length: EXPERTS }, (_, expert) => group(`model/${expert}`, 'model'));
}

function layers(): LayerNode[] {
  return groups().flatMap(({ name: parent }) =>
    PARTS.map((part) => {
      const name = `${parent}/${part}`;
      return { ...group(name, parent), is_group: false, tensors: [`${name}/kernel`] };
    }),
  );
}

function group(name: string, parent: string | null): LayerNode {
  const nothing = { output_shape: null, tensors: [], parameters: 0 };
  return { name, kind: 'Unknown', parent, is_group: true, side: 'both', ...nothing };
}
