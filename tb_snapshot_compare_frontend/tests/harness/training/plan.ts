/**
 * A made-up training of a ResNet-50-like network: 757 dumps, 54 layers, 100 classes, and what went
 * wrong in it. All of it follows from one seed.
 */
import type { TrainingUnit } from '../../../src/client/types';

export const DUMPS = 757;
export const EVERY = 1600;
export const RUN = 'resnet50';

/** Something that happened at a dump (by index), to filters of layers and images of classes. */
export interface Incident {
  readonly dump: number;
  readonly kind: 'batch' | 'rate drop' | 'rate spike' | 'labels';
  readonly layers: readonly string[];
  readonly classes: readonly number[];
  /** Dumps until images are as they were; null where they stay changed. */
  readonly lasts: number | null;
  /** Of the layers' updates, as a factor. */
  readonly size: number;
}

export const INCIDENTS: readonly Incident[] = [
  {
    dump: 130,
    kind: 'batch',
    layers: ['conv4/block2/conv2', 'conv4/block3/conv1', 'conv4/block5/conv3'],
    classes: [12, 40, 77],
    lasts: 1,
    size: 6,
  },
  {
    dump: 252,
    kind: 'rate drop',
    layers: ['conv2/block1/conv3', 'conv5/block1/shortcut'],
    classes: [3, 8, 19, 25, 40, 51, 63, 88],
    lasts: null,
    size: 1.6,
  },
  {
    dump: 402,
    kind: 'rate spike',
    layers: [
      'conv3/block1/conv1',
      'conv3/block1/conv2',
      'conv3/block3/conv3',
      'conv4/block1/conv1',
    ],
    classes: [5, 12, 28, 40, 66, 77, 91],
    lasts: 3,
    size: 14,
  },
  {
    dump: 560,
    kind: 'labels',
    layers: ['conv5/block3/conv3', 'conv5/block2/conv1', 'fc1000'],
    classes: [5, 6],
    lasts: 2,
    size: 4,
  },
];

export const NEVER_TRAINED = 'conv3/block2/conv1';
export const DEAD_LAYER = 'conv5/block1/conv1';
export const NAN_LAYER = 'conv4/block6/conv2';
export const NAN_DUMP = 640;

/** Dumps at which the learning rate was divided by ten. */
const DROPS = [252, 505] as const;

const BLOCKS = [3, 4, 6, 3] as const;

export const UNITS: readonly TrainingUnit[] = unitsOf();
export const LAYER_UNITS: readonly TrainingUnit[] = UNITS.filter(({ is_layer }) => is_layer);

export function stepOf(dump: number): number {
  return (dump + 1) * EVERY;
}

export function rateAt(dump: number): number {
  const spike = INCIDENTS.some(
    (entry) => entry.kind === 'rate spike' && dump >= entry.dump && dump < entry.dump + 1,
  );
  return Number((plainRateAt(dump) * (spike ? 100 : 1)).toPrecision(3));
}

/** The learning rate without what went wrong with it. */
export function plainRateAt(dump: number): number {
  return Number((0.1 * 10 ** -DROPS.filter((drop) => dump >= drop).length).toPrecision(3));
}

/** A small seeded generator (mulberry32). */
export function generator(seed: string | number): () => number {
  let state = typeof seed === 'number' ? seed : hashOf(seed);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Roughly normal: mean 0, deviation 1. */
export function gauss(random: () => number): number {
  return (random() + random() + random() + random() - 2) * 1.732;
}

/** Noise that remembers: each value is `memory` of the one before. */
export function wander(random: () => number, count: number, memory: number): Float64Array {
  const values = new Float64Array(count);
  const fresh = Math.sqrt(1 - memory * memory);
  let value = gauss(random);
  for (let index = 0; index < count; index += 1) {
    value = memory * value + fresh * gauss(random);
    values[index] = value;
  }
  return values;
}

export function add(
  values: Float32Array | Float64Array | Int32Array,
  at: number,
  value: number,
): void {
  values[at] = (values[at] as number) + value;
}

function hashOf(text: string): number {
  let hash = 2166136261;
  for (const letter of text) hash = Math.imul(hash ^ letter.charCodeAt(0), 16777619);
  return hash >>> 0;
}

function unitsOf(): TrainingUnit[] {
  const units: TrainingUnit[] = [];
  const layer = (path: string, parent: string, filters: number, inputs: number, side = 1) =>
    units.push({
      path,
      parent,
      kind: side === 0 ? 'Dense' : 'Conv2D',
      is_layer: true,
      filters,
      parameters: filters * inputs * Math.max(1, side * side) + (side === 0 ? filters : 0),
    });
  const group = (path: string, parent: string | null, kind: string) => {
    const at = units.length;
    units.push({ path, parent, kind, is_layer: false, filters: 0, parameters: 0 });
    return () => {
      const below = units.slice(at + 1).filter(({ is_layer }) => is_layer);
      const sum = (key: 'filters' | 'parameters') =>
        below.reduce((total, unit) => total + unit[key], 0);
      units[at] = {
        ...(units[at] as TrainingUnit),
        filters: sum('filters'),
        parameters: sum('parameters'),
      };
    };
  };
  const closeModel = group('', null, 'Model');
  layer('conv1', '', 64, 3, 7);
  let inputs = 64;
  BLOCKS.forEach((blocks, stage) => {
    const width = 64 * 2 ** stage;
    const name = `conv${stage + 2}`;
    const closeStage = group(name, '', 'stage');
    for (let block = 1; block <= blocks; block += 1) {
      const path = `${name}/block${block}`;
      const closeBlock = group(path, name, 'block');
      if (block === 1) layer(`${path}/shortcut`, path, 4 * width, inputs);
      layer(`${path}/conv1`, path, width, inputs);
      layer(`${path}/conv2`, path, width, width, 3);
      layer(`${path}/conv3`, path, 4 * width, width);
      inputs = 4 * width;
      closeBlock();
    }
    closeStage();
  });
  layer('fc1000', '', 1000, 2048, 0);
  closeModel();
  return units;
}
