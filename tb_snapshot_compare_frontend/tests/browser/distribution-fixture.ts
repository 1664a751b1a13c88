/** Distributions like those of real layers, from a seeded generator. */
import type { Distribution } from '../../src/client/types';

export type Shape = 'heavy-tailed' | 'skewed';

export interface FixtureOptions {
  readonly bins?: number;
  readonly levels?: number;
  readonly weights?: number;
  readonly excluded?: number;
  readonly shape?: Shape;
  readonly layer?: string | null;
}

export function distributionOf(options: FixtureOptions = {}): Distribution {
  const { bins = 20, levels = 5, weights = 100_000, excluded = 0 } = options;
  const { shape = 'heavy-tailed', layer = 'conv5' } = options;
  const random = generator(7);
  const before = new Float64Array(weights);
  const change = new Float64Array(weights);
  for (let index = 0; index < weights; index += 1) {
    before[index] = 0.02 * normal(random);
    change[index] = shape === 'skewed' ? skewed(random) : heavyTailed(random);
  }
  const lower = change.reduce((least, value) => Math.min(least, value), 0);
  const upper = change.reduce((most, value) => Math.max(most, value), 0);
  const counts = Array.from({ length: bins }, () => new Array<number>(levels).fill(0));
  for (let index = 0; index < weights; index += 1) {
    const [a, delta] = [before[index] as number, change[index] as number];
    const relative = (2 * Math.abs(delta)) / (Math.abs(a) + Math.abs(a + delta) || 1);
    const bin = Math.min(bins - 1, Math.floor(((delta - lower) / (upper - lower)) * bins));
    const level = Math.min(levels - 1, Math.floor((relative / 2) * levels));
    const bar = counts[bin] as number[];
    bar[level] = (bar[level] as number) + 1;
  }
  return {
    layer,
    tensor: null,
    bin_edges: Array.from({ length: bins + 1 }, (_, i) => lower + ((upper - lower) * i) / bins),
    level_edges: Array.from({ length: levels + 1 }, (_, i) => (2 * i) / levels),
    counts,
    total: weights,
    excluded,
  };
}

/** Small enough to be checked by hand: three bins around zero, two levels. */
export const SMALL: Distribution = {
  layer: 'conv5',
  tensor: null,
  bin_edges: [-0.3, -0.1, 0.1, 0.3],
  level_edges: [0, 1, 2],
  counts: [
    [10, 30],
    [100, 0],
    [0, 60],
  ],
  total: 200,
  excluded: 1024,
};

function heavyTailed(random: () => number): number {
  const wide = random() < 0.03 ? 5 : 1;
  return 0.001 * wide * normal(random);
}

function skewed(random: () => number): number {
  return -0.002 + 0.004 * -Math.log(1 - random());
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** mulberry32 */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
