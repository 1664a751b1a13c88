import { describe, expect, test } from 'vitest';
import type { Architecture } from '../../src/client/types';
import { type NetworkGraph, networkGraph } from '../../src/views/training-layers/network-graph';
import { lanesOf } from '../../src/views/training-layers/network-lanes';
import { layOutStrip, type Strip } from '../../src/views/training-layers/network-strip';
import { networkOf } from '../harness/training/network';
import { deepNetwork, resNet50 as madeResNet, random } from '../harness-layers/log';
import {
  alexNet,
  Builder,
  denseNet121,
  namesOnly,
  resNet50,
  uNet,
} from '../harness-network/networks';

const weighted = ({ nodes }: Architecture) =>
  nodes.filter(({ is_group, parameters }) => !is_group && parameters > 0).map(({ name }) => name);

function graphOf(architecture: Architecture, layers = weighted(architecture)): NetworkGraph {
  const graph = networkGraph(architecture, layers);
  if (graph === null) throw new Error('no graph');
  return graph;
}

function stripOf(graph: NetworkGraph, pitch = 10): Strip {
  const layers = graph.nodes.filter(({ joins }) => !joins);
  const marks = layers.map(({ id, place }) => ({
    path: id,
    top: place * pitch,
    height: pitch - 1,
  }));
  return layOutStrip(graph, marks, pitch);
}

const pairs = ({ links }: NetworkGraph) =>
  links.map(({ source, target }) => `${source.id} > ${target.id}`);

describe('the graph of the layers with weights', () => {
  test('passes over what has none: AlexNet is one layer after the other', () => {
    const graph = graphOf(alexNet());
    expect(graph.nodes.map(({ id }) => id)).toEqual(weighted(alexNet()));
    expect(pairs(graph)).toEqual([
      'conv1 > conv2',
      'conv2 > conv3',
      'conv3 > conv4',
      'conv4 > conv5',
      'conv5 > fc6',
      'fc6 > fc7',
      'fc7 > fc8',
    ]);
  });

  test('keeps the sum of each residual block of ResNet-50, and no other layer without weights', () => {
    const graph = graphOf(resNet50());
    const joins = graph.nodes.filter((node) => node.joins);
    expect(joins).toHaveLength(16);
    expect(new Set(joins.map(({ kind }) => kind))).toEqual(new Set(['Add']));
    for (const join of joins) {
      expect(graph.links.filter(({ target }) => target === join)).toHaveLength(2);
    }
  });

  test('a join lies between the layers that come before and after it', () => {
    const { links } = graphOf(resNet50());
    for (const { source, target } of links) expect(source.place).toBeLessThan(target.place);
  });

  test('joins without a layer between them have places of their own', () => {
    const net = new Builder();
    net.layer('a', 'Dense', [], { parameters: 1 });
    net.layer('b', 'Dense', [], { parameters: 1 });
    net.layer('one', 'Add', ['a', 'b']);
    net.layer('two', 'Add', ['one', 'a']);
    net.layer('c', 'Dense', ['two'], { parameters: 1 });
    expect(graphOf(net.build()).nodes.map(({ id, place }) => [id, place])).toEqual([
      ['a', 0],
      ['b', 1],
      ['one', 1.5],
      ['two', 1.75],
      ['c', 2],
    ]);
  });

  test('ways that leave one layer and meet without another between them are no join', () => {
    const net = new Builder();
    net.layer('a', 'Conv2D', [], { parameters: 1 });
    net.layer('sigmoid', 'Activation', ['a']);
    net.layer('swish', 'Multiply', ['a', 'sigmoid']);
    net.layer('b', 'Conv2D', ['swish'], { parameters: 1 });
    expect(pairs(graphOf(net.build()))).toEqual(['a > b']);
  });

  test('layers that the network lacks stand without links; those of the log alone count', () => {
    const graph = graphOf(alexNet(), ['conv1', 'extra', 'conv5']);
    expect(graph.nodes.map(({ id }) => id)).toEqual(['conv1', 'extra', 'conv5']);
    expect(pairs(graph)).toEqual(['conv1 > conv5']);
  });

  test('is not known from names, nor from the snapshots of another network', () => {
    expect(networkGraph(namesOnly(), weighted(namesOnly()))).toBeNull();
    expect(networkGraph(alexNet(), ['stem', 'head'])).toBeNull();
  });
});

describe('lanes', () => {
  const lanes = (architecture: Architecture) => {
    const found = lanesOf(graphOf(architecture));
    return (path: string) => [...found].find(([{ id }]) => id === path)?.[1];
  };

  test('a network without branches has one', () => {
    for (const network of [alexNet(), uNet(), networkOf(deepNetwork(200))]) {
      expect(new Set(lanesOf(graphOf(network)).values())).toEqual(new Set([0]));
    }
  });

  test('the projections of ResNet-50 stand beside its blocks', () => {
    const lane = lanes(resNet50());
    const beside = weighted(resNet50()).filter((name) => lane(name) === 1);
    expect(beside).toHaveLength(8);
    expect(beside.every((name) => /_0_(conv|bn)$/.test(name))).toBe(true);
    expect(lane('conv2_block1_add')).toBe(0);
  });

  test('branches side by side have lanes of their own, branches below each other share one', () => {
    const net = new Builder();
    let at = net.conv('stem', '', 8, 8, 1);
    for (const block of ['x', 'y']) {
      const ways = [1, 2, 3].map((length) => {
        let way = at;
        for (let layer = 0; layer < length; layer += 1) {
          way = net.conv(`${block}${length}${layer}`, way, 8, 8, 1);
        }
        return way;
      });
      at = net.layer(`${block}join`, 'Concatenate', ways);
    }
    const lane = lanes(net.build());
    for (const block of ['x', 'y']) {
      expect([lane(`${block}30`), lane(`${block}32`), lane(`${block}join`)]).toEqual([0, 0, 0]);
      expect(new Set([lane(`${block}10`), lane(`${block}20`)])).toEqual(new Set([1, 2]));
      expect(lane(`${block}21`)).toBe(lane(`${block}20`));
    }
  });
});

describe('the strip', () => {
  test('without a graph shows the layers below each other, without links', () => {
    const strip = layOutStrip(null, [{ path: 'a', top: 0, height: 9 }], 10);
    expect(strip.layers).toHaveLength(1);
    expect([strip.links, strip.joins]).toEqual([[], []]);
  });

  test('an identity skip goes around its block on the left, a projection runs on the right', () => {
    const strip = stripOf(graphOf(networkOf(madeResNet())));
    const link = (source: string, target: string) =>
      strip.links.find((each) => each.source === source && each.target === target)?.d ?? '';
    const layer = (path: string) => strip.layers.find((each) => each.path === path);
    const main = layer('conv2/block2/conv1');
    const beside = layer('conv2/block1/shortcut');
    expect(beside?.left).toBeGreaterThan((main?.left ?? 0) + (main?.width ?? 0));
    const skip = link('conv2/block1/add', 'conv2/block2/add');
    expect(Number(/Q([\d.]+) /.exec(skip)?.[1])).toBeLessThan(main?.left ?? 0);
    expect(link('conv2/block2/conv1', 'conv2/block2/conv2')).toMatch(/^M[\d.]+ [\d.]+V[\d.]+$/);
    expect(link('conv1', 'conv2/block1/shortcut')).toMatch(/Q/);
  });

  test('skips within each other run on tracks of their own', () => {
    const strip = stripOf(graphOf(uNet()));
    const sides = [4, 3, 2, 1].map((level) => {
      const skip = strip.links.find(({ target }) => target === `concat${level}` && target !== '');
      const own = strip.links.filter(({ target }) => target === skip?.target);
      return Math.min(...own.map(({ d }) => Number(/Q([\d.]+) /.exec(d)?.[1] ?? 99)));
    });
    expect(sides[0]).toBeGreaterThan(sides[1] as number);
    expect(sides[1]).toBeGreaterThan(sides[2] as number);
    expect(sides[3]).toBe(sides[2]);
  });

  test.each<readonly [string, Architecture]>([
    ['ResNet-50', resNet50()],
    ['DenseNet-121', denseNet121()],
    ['U-Net', uNet()],
    ...[1, 2, 3, 4, 5, 6].map((seed) => [`a random network ${seed}`, randomNetwork(seed)] as const),
  ])('of %s has every layer once, apart from the others, left of the tree', (_, network) => {
    const graph = graphOf(network);
    const strip = stripOf(graph);
    expect(strip.layers.map(({ path }) => path)).toEqual(weighted(network));
    expect(strip.links).toHaveLength(graph.links.length);
    for (const { left, width } of strip.layers) {
      expect(left).toBeGreaterThanOrEqual(14);
      expect(left + width).toBeLessThanOrEqual(35.01);
    }
    for (const { x } of strip.joins) expect(x).toBeLessThan(36);
    const numbers = strip.links.flatMap(({ d }) => d.match(/-?[\d.]+/g) ?? []).map(Number);
    expect(numbers.every(Number.isFinite)).toBe(true);
    expect(linksThroughLayers(graph)).toEqual([]);
  });
});

/** Links down a lane that would cross a node of it: they must go around. */
function linksThroughLayers(graph: NetworkGraph): string[] {
  const strip = stripOf(graph);
  const lanes = lanesOf(graph);
  return graph.links.flatMap(({ source, target }, index) => {
    const between = graph.nodes.some(
      (node) =>
        lanes.get(node) === lanes.get(source) &&
        node.place > source.place &&
        node.place < target.place,
    );
    const straight = !strip.links[index]?.d.includes('Q');
    return between && straight ? [`${source.id} > ${target.id}`] : [];
  });
}

/** Layers after one another, with ways from some of them to later ones. */
function randomNetwork(seed: number): Architecture {
  const next = random(seed);
  const net = new Builder();
  const made = [net.layer('in', 'Dense', [], { parameters: 1 })];
  for (let at = 1; at < 60; at += 1) {
    const from = Array.from({ length: next() < 0.35 ? 2 : 1 }, () => {
      return made[Math.max(0, made.length - 1 - Math.floor(5 * next() ** 2))] as string;
    });
    const sources = [...new Set(from)];
    if (sources.length > 1) made.push(net.layer(`join${at}`, 'Add', sources));
    else made.push(net.layer(`layer${at}`, 'Dense', sources, { parameters: 1 }));
  }
  return net.build();
}
