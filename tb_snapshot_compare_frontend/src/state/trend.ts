/** How every layer of the run on show changed from each snapshot to the next. */
import { computed, signal } from '@preact/signals';
import type { Trend, TrendPair, TrendSnapshot } from '../client/types';
import { hasCurves } from './resources';
import { maximised, selectLayer } from './selection';
import { chooseSnapshot } from './settle';
import { snapshotsById } from './snapshots';

/** `none` hides the rows, `top` shows the layers that changed most. */
export type TrendRows = 'none' | 'top' | 'all';

export const trend = signal<Trend | null>(null);
export const trendRows = signal<TrendRows>('top');

/** Pixels of a layer's row. */
export const TREND_ROW = 12;
const TREND_HEAD = 30;
/** Below this height of the page there are fewer rows. */
const TALL = 850;

/** Layers that are shown before more are asked for. */
export function trendTop(): number {
  const few = window.innerHeight < TALL ? 4 : 6;
  if (maximised.value !== 'timeline') return few;
  // Without curves there is nothing else to look at.
  return hasCurves.value ? 3 * few : Math.floor(window.innerHeight / (2 * TREND_ROW));
}

/** Rows in sight at most; the rest is scrolled to. */
export function trendInSight(): number {
  const all = maximised.value === 'timeline' ? 1.5 * trendTop() : 2 * trendTop();
  return { none: 0, top: trendTop(), all: Math.floor(all) }[trendRows.value];
}

/** Pixels that the rows of layers take below the curves; 0 while there are none. */
export const trendHeight = computed(() => {
  const known = trend.value;
  if (known === null || known.pairs.length === 0) return 0;
  const rows = Math.min(known.layers.length, trendInSight());
  return TREND_HEAD + rows * TREND_ROW + (rows > 0 ? 6 : 0);
});

/** Whether some pairs are not compared yet. */
export const trendWaits = computed(
  () =>
    trend.value?.pairs.some(({ state }) => state === 'waiting' || state === 'computing') ?? false,
);

export interface TrendProgress {
  readonly done: number;
  readonly total: number;
}

/** Pairs that are done, a part of the one that is computed included; null once all are. */
export const trendProgress = computed<TrendProgress | null>(() => {
  const pairs = trend.value?.pairs ?? [];
  if (!trendWaits.value) return null;
  const share = ({ state, fraction }: TrendPair) => {
    if (state === 'computing') return fraction ?? 0;
    return state === 'waiting' ? 0 : 1;
  };
  return { done: pairs.reduce((sum, pair) => sum + share(pair), 0), total: pairs.length };
});

/** The values of `next`, and those of `before` that it leaves out because they are known. */
export function joinTrend(before: Trend | null, next: Trend): Trend {
  if (before === null) return next;
  const places = new Map(before.layers.map((name, index) => [name, index]));
  const known = new Map(before.pairs.map((pair) => [pairKey(before, pair), pair]));
  const respread = (row: readonly (number | null)[] | null | undefined) =>
    row ? next.layers.map((name) => row[places.get(name) ?? -1] ?? null) : null;
  return {
    ...next,
    pairs: next.pairs.map((pair) => {
      if (pair.state !== 'done' || pair.l2 !== null) return pair;
      const old = known.get(pairKey(next, pair));
      return { ...pair, l2: respread(old?.l2), relative_l2: respread(old?.relative_l2) };
    }),
  };
}

/** Shows a snapshot against the one before it, at one layer; nothing where one was deleted. */
export function choosePair(a: TrendSnapshot, b: TrendSnapshot, layer: string): void {
  const ready = ({ id }: TrendSnapshot) => snapshotsById.value.get(id)?.state === 'ready';
  if (!ready(a) || !ready(b)) return;
  chooseSnapshot('a', a.id);
  chooseSnapshot('b', b.id);
  selectLayer(layer);
}

function pairKey({ snapshots }: Trend, { a, b }: TrendPair): string {
  const [from, to] = [snapshots[a], snapshots[b]];
  return [from?.id, from?.generation, to?.id, to?.generation].join(' ');
}
