import { describe, expect, test } from 'vitest';
import type { LayerDifference } from '../../src/client/types';
import { fitText, textWidth } from '../../src/elements/fit-text';
import { facesOf } from '../../src/views/network/faces';
import { barsOf, filterOrder, stepOf, withFilters } from '../../src/views/network/filter-bars';
import { groupValue } from '../../src/views/network/measures';
import { step, targetsOf } from '../../src/views/network/navigation';
import { buildNetwork, layersOf, shortName } from '../../src/views/network/network';
import { matches } from '../../src/views/network/search';
import { csvRows, layerRows, sortRows } from '../../src/views/network/table-rows';
import { openGroups, visibleNetwork } from '../../src/views/network/visible';
import { describeBox } from '../../src/views/network/words';
import { layoutNetwork } from '../../src/workers/layout/layout';
import {
  alexNet,
  Builder,
  compared,
  denseNet121,
  measures,
  resNet50,
  seeded,
  sharedModel,
} from '../harness-network/networks';

const AUTO = { compact: true, blocks: null } as const;

describe('folding', () => {
  test('joins activations, dropout and flatten to the layer before them', () => {
    const network = buildNetwork(alexNet(), AUTO);
    expect(network.units.map(({ name }) => name)).toEqual([
      ...['input', 'conv1', 'pool1', 'conv2', 'pool2', 'conv3', 'conv4', 'conv5', 'pool5'],
      ...['fc6', 'fc7', 'fc8'],
    ]);
    const folded = network.units.find(({ name }) => name === 'fc6')?.folded;
    expect(folded?.map(({ kind }) => kind)).toEqual(['ReLU', 'Dropout']);
    expect(network.unitOf.get('drop6')).toBe('fc6');
  });

  test('never hides a branch: a normalisation behind two ways keeps its box', () => {
    const net = new Builder();
    net.layer('a', 'Conv2D', [], { parameters: 4 });
    net.layer('bn', 'BatchNormalization', ['a'], { parameters: 4 });
    net.layer('add', 'Add', ['a', 'bn']);
    const network = buildNetwork(net.build(), AUTO);
    expect(network.units.map(({ name }) => name)).toEqual(['a', 'bn', 'add']);
  });

  test('is switched off by the setting', () => {
    const { units } = buildNetwork(alexNet(), { compact: false, blocks: null });
    expect(units.length).toBe(alexNet().nodes.length);
  });
});

describe('blocks found by name', () => {
  test('make ResNet-50 a stem, 16 blocks and a head', () => {
    const network = buildNetwork(resNet50(), AUTO);
    expect(network.groups.size).toBe(16);
    const visible = visibleNetwork(network, openGroups(network, []));
    expect(visible.boxes.map(({ id }) => id).slice(0, 4)).toEqual([
      ...['input_1', 'conv1_conv', 'pool1_pool', 'conv2_block1'],
    ]);
    expect(visible.boxes.length).toBe(21);
    expect(layersOf(network, 'conv2_block1').length).toBe(12);
    expect(shortName(network, 'conv2_block1_1_conv', 'conv2_block1')).toBe('1_conv');
  });

  test('get stages around them where there are too many blocks', () => {
    const network = buildNetwork(denseNet121(), AUTO);
    expect(network.groups.get('conv3_block7')?.parent).toBe('conv3');
    const visible = visibleNetwork(network, openGroups(network, []));
    expect(visible.boxes.length).toBeLessThan(25);
    const opened = visibleNetwork(network, openGroups(network, ['conv3']));
    expect(opened.frames.map(({ name }) => name)).toEqual(['conv3']);
    expect(opened.boxes.length).toBe(visible.boxes.length - 1 + 12);
  });

  test('are left alone in a small network, unless asked for', () => {
    expect(buildNetwork(alexNet(), AUTO).groups.size).toBe(0);
  });

  test('are not made of layers that data leaves and comes back to', () => {
    const net = new Builder();
    let at = net.layer('in', 'InputLayer', []);
    for (let turn = 0; turn < 30; turn++) {
      at = net.layer(`block1_${turn}`, 'Conv2D', [at], { parameters: 4 });
      at = net.layer(`block2_${turn}`, 'Conv2D', [at], { parameters: 4 });
    }
    expect(buildNetwork(net.build(), { compact: true, blocks: true }).groups.size).toBe(0);
  });

  test("are found inside the model's own groups too", () => {
    const net = new Builder();
    net.group('body');
    const inner = resNet50();
    const moved = inner.nodes.map((node) => ({
      ...node,
      name: `body/${node.name}`,
      parent: 'body',
    }));
    const edges = inner.edges.map(({ source, target }) => ({
      source: `body/${source}`,
      target: `body/${target}`,
    }));
    const network = buildNetwork({ ...inner, nodes: [...net.nodes, ...moved], edges }, AUTO);
    expect(network.groups.get('body/conv4_block2')?.parent).toBe('body');
    expect(openGroups(network, [])).toEqual(new Set(['body']));
  });
});

describe('groups', () => {
  test('of the model are open while everything can be taken in at a glance', () => {
    const network = buildNetwork(sharedModel(), AUTO);
    expect(openGroups(network, [])).toEqual(new Set(['encoder', 'encoder/stem']));
    expect(openGroups(network, ['encoder/stem', 'gone'])).toEqual(new Set(['encoder']));
    const visible = visibleNetwork(network, openGroups(network, ['encoder']));
    expect(visible.boxes.map(({ id }) => id)).toContain('encoder');
    expect(visible.boxOf.get('encoder/stem/conv1')).toBe('encoder');
    expect(visible.links.filter(({ target }) => target === 'encoder').length).toBe(2);
  });
});

describe('the value of a group', () => {
  const random = seeded(5);
  const vectors = [40, 7, 300].map((count) =>
    Array.from({ length: count }, () => [random() - 0.5, random() - 0.5] as const),
  );
  const measured = (pairs: readonly (readonly [number, number])[]): LayerDifference => {
    const total = (term: (a: number, b: number) => number): number =>
      pairs.reduce((sum, [a, b]) => sum + term(a, b), 0);
    const l2 = Math.sqrt(total((a, b) => (b - a) ** 2));
    const norm = Math.sqrt(total((a) => a * a));
    const other = Math.sqrt(total((_, b) => b * b));
    const l1 = total((a, b) => Math.abs(b - a));
    return {
      name: `v${pairs.length}`,
      kind: 'Dense',
      count: pairs.length,
      measures: {
        ...measures(1, 1, random),
        l2,
        l1,
        relative_l2: l2 / norm,
        max_abs: Math.max(...pairs.map(([a, b]) => Math.abs(b - a))),
        mean_abs: l1 / pairs.length,
        mean_relative_percent:
          total((a, b) => (2 * Math.abs(b - a)) / (Math.abs(a) + Math.abs(b))) / pairs.length,
        cosine: total((a, b) => a * b) / (norm * other),
        sign_flips: total((a, b) => Number(Math.sign(a) !== Math.sign(b))),
        changed: 1,
      },
    };
  };
  const parts = vectors.map(measured);
  const whole = measured(vectors.flat());

  test.each([
    ...(['l2', 'relative_l2', 'l1', 'max_abs', 'mean_abs'] as const),
    ...(['mean_relative_percent', 'sign_flips', 'changed'] as const),
  ])('%s is that of the concatenated weights', (metric) => {
    const { value, how } = groupValue(parts, metric);
    expect(how).toBe('exact');
    expect(value).toBeCloseTo(whole.measures[metric] as number, 12);
  });

  test('is the largest, and said to be, where the layers do not determine it', () => {
    const least = Math.min(...parts.map((part) => part.measures.cosine as number));
    expect(groupValue(parts, 'cosine')).toEqual({ value: 1 - least, how: 'largest' });
    const frozen = { ...parts[0], measures: { ...parts[0]?.measures, l2: 0, relative_l2: 0 } };
    expect(groupValue([frozen as LayerDifference, ...parts], 'relative_l2').how).toBe('largest');
    expect(groupValue([frozen as LayerDifference, ...parts], 'l2').how).toBe('exact');
  });

  test('is missing without any compared layer', () => {
    expect(groupValue([], 'l2').value).toBeNull();
  });
});

describe('search', () => {
  const layers = alexNet().nodes;
  const names = (query: string): string[] => matches(layers, query).map(({ name }) => name);

  test('finds by name and kind, whole names first', () => {
    expect(names('CONV1')[0]).toBe('conv1');
    expect(names('pool')).toEqual(['pool1', 'pool2', 'pool5']);
    expect(names('dense fc').length).toBe(3);
    expect(names('  ')).toEqual([]);
    expect(names('nothing')).toEqual([]);
  });
});

describe('moving by arrow keys', () => {
  const network = buildNetwork(resNet50(), AUTO);
  const visible = visibleNetwork(network, openGroups(network, ['conv2_block1']));
  const faces = facesOf(network, visible);
  const layout = layoutNetwork({
    boxes: [...faces.values()],
    frames: visible.frames.map(({ name, parent }) => ({ id: name, parent, titleWidth: 80 })),
    links: visible.links,
    room: { width: 1200, height: 500 },
  });
  const targets = targetsOf(layout, faces);
  const from = (key: string, ...ways: ('left' | 'right' | 'up' | 'down')[]): string =>
    ways.reduce((at, way) => {
      const now = targets.find((target) => target.key === at);
      return (now && step(now, way, targets, visible.links)?.key) ?? at;
    }, key);

  test('follows the edges to the right and to the left, from row to row', () => {
    expect(from('box:input_1', 'right', 'right')).toBe('box:pool1_pool');
    const last = from('box:input_1', ...new Array(30).fill('right'));
    expect(last).toBe('box:predictions');
    expect(from(last, ...new Array(30).fill('left'))).toBe('box:input_1');
  });

  test('reaches what is folded into a box below it, and the title of an opened group', () => {
    expect(from('box:conv2_block1_1_conv', 'down')).toBe('foot:conv2_block1_1_bn');
    expect(from('box:conv2_block1_2_conv', 'up')).toBe('frame:conv2_block1');
  });

  test('stops at the edge of the drawing', () => {
    expect(from('box:input_1', 'left')).toBe('box:input_1');
  });
});

describe('filter bars', () => {
  const values = Float64Array.from([0.1, 0.5, Number.NaN, 0.3]);

  test('stand for one filter each where there is room', () => {
    const bars = barsOf(values, filterOrder(values, 'index'), 100);
    expect(bars.map(({ filters }) => filters)).toEqual([[0], [1], [2], [3]]);
    expect(bars[2]?.value).toBeNaN();
  });

  test('show the largest of theirs where there is not, and leave none out', () => {
    const random = seeded(2);
    const many = Float64Array.from({ length: 4096 }, random);
    const bars = barsOf(many, filterOrder(many, 'index'), 1000);
    expect(bars.length).toBe(500);
    expect(bars.flatMap(({ filters }) => filters)).toEqual(
      Array.from({ length: 4096 }, (_, index) => index),
    );
    for (const bar of bars)
      expect(bar.value).toBe(Math.max(...bar.filters.map((one) => many[one] as number)));
  });

  test('are ordered by difference with undefined ones last', () => {
    expect(filterOrder(values, 'difference')).toEqual([1, 3, 0, 2]);
  });

  test('fall into five steps of the largest', () => {
    expect([0, 0.19, 0.2, 0.59, 0.8, 1].map((value) => stepOf(value, 1))).toEqual([
      ...[0, 0, 1, 2, 4, 4],
    ]);
    expect(stepOf(0, 0)).toBe(0);
  });

  test('are chosen alone, added and removed, in ascending order', () => {
    expect(withFilters([4], [2, 1], 'replace')).toEqual([1, 2]);
    expect(withFilters([2], [2], 'replace')).toEqual([]);
    expect(withFilters([4], [2], 'toggle')).toEqual([2, 4]);
    expect(withFilters([2, 4], [2], 'toggle')).toEqual([4]);
    expect(withFilters([2, 4], [2, 3], 'add')).toEqual([2, 3, 4]);
  });
});

describe('words and tables', () => {
  test('describe a layer for a screen reader', () => {
    const network = buildNetwork(alexNet(), AUTO);
    const face = facesOf(network, visibleNetwork(network, new Set())).get('conv3');
    const value = { value: 2.31, how: 'exact' } as const;
    expect(face && describeBox(face, 'l2', value)).toBe(
      'conv3, Conv2D, Euclidean distance 2.31, 885,120 weights',
    );
  });

  test('shorten names in the middle', () => {
    const short = fitText('conv2_block1_1_depthwise_conv', 12, 90);
    expect(short).toMatch(/^conv2.*….*conv$/);
    expect(textWidth(short, 12)).toBeLessThanOrEqual(90);
    expect(fitText('conv1', 12, 90)).toBe('conv1');
  });

  test('sort layers by a measure with missing values last in both directions', () => {
    const net = alexNet();
    const differences = new Map(compared(net).layers.map((entry) => [entry.name, entry]));
    const rows = layerRows(net.nodes, differences);
    for (const descending of [true, false]) {
      const sorted = sortRows(rows, { key: 'l2', descending });
      expect(sorted.at(-1)?.measures).toBeNull();
      const [first, second] = sorted.map((row) => row.measures?.l2 as number);
      expect((first as number) > (second as number)).toBe(descending);
    }
  });

  test('write every measure of every layer to CSV, a missing one as an empty cell', () => {
    const net = alexNet();
    const differences = new Map(compared(net).layers.map((entry) => [entry.name, entry]));
    const [header, input, conv1] = csvRows(layerRows(net.nodes, differences));
    expect(header?.slice(0, 8)).toEqual([
      ...['layer', 'kind', 'output_shape', 'side', 'parameters', 'compared', 'l2', 'relative_l2'],
    ]);
    expect(input?.[6]).toBeNull();
    expect(conv1?.slice(0, 6)).toEqual(['conv1', 'Conv2D', '?x55x55x96', 'both', 34944, 34944]);
    expect(conv1?.length).toBe(header?.length);
  });
});
