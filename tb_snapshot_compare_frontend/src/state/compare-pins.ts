/** From pinned steps to the Compare page: the snapshots before and after. */
import { batch, computed } from '@preact/signals';
import type { TopFilters, Training } from '../client/types';
import { latest } from './resources';
import { filters, maximised, selectLayer } from './selection';
import { chooseSnapshot, choosingLayer } from './settle';
import { log, page, pins } from './training';
import { topFilters } from './training-data';

type Placed = Training['snapshots'][number];

export type PinnedPair =
  | { readonly state: 'ready'; readonly a: Placed; readonly b: Placed }
  | { readonly state: 'impossible'; readonly reason: string };

/** The snapshots around what is pinned, where there are some. */
export const pinnedPair = computed<PinnedPair>(() =>
  pairAround(pins.value, log.value?.snapshots ?? [], log.value?.axis),
);

/**
 * Of one pin the snapshots before and after it, of several those before the first and after the
 * last. A snapshot of the pinned step itself is what it led to: the one after; of two pins the
 * first stands for its own snapshot. Of several of one step it is the newest.
 */
export function pairAround(
  pinned: readonly number[],
  snapshots: readonly Placed[],
  axis: Training['axis'] = 'step',
): PinnedPair {
  const [first, last] = [pinned[0], pinned.at(-1)];
  if (first === undefined || last === undefined) return impossible('Pin one or two steps first.');
  if (snapshots.length < 2) return impossible('A comparison needs two snapshots of this run.');
  const sorted = [...snapshots].sort((one, other) => one.step - other.step);
  const alone = first === last;
  const a = sorted.findLast(({ step }) => (alone ? step < first : step <= first));
  const next = sorted.find(({ step }) => step >= last)?.step;
  const b = sorted.findLast(({ step }) => step === next);
  const words = (step: number) => `${axis} ${step.toLocaleString('en-US')}`;
  if (a === undefined) return impossible(`No snapshot was kept before ${words(first)}.`);
  if (b === undefined) return impossible(`No snapshot was kept after ${words(last)}.`);
  return { state: 'ready', a, b };
}

/** The layer with most of the filters that changed most at the pinned steps, and those filters. */
export function mostChanged(
  top: TopFilters | null,
): { readonly layer: string; readonly filters: readonly number[] } | null {
  const byLayer = new Map<string, number[]>();
  for (const { layer, filter } of top?.filters ?? []) {
    byLayer.set(layer, [...(byLayer.get(layer) ?? []), filter]);
  }
  const [first, ...more] = byLayer;
  if (first === undefined) return null;
  const [layer, chosen] = more.reduce(
    (most, entry) => (entry[1].length > most[1].length ? entry : most),
    first,
  );
  return { layer, filters: chosen.sort((one, other) => one - other) };
}

/** Opens the Compare page with the snapshots around the pins, at what changed most there. */
export function comparePinned(): void {
  const pair = pinnedPair.value;
  if (pair.state !== 'ready') return;
  const most = mostChanged(topOfPins());
  batch(() => {
    chooseSnapshot('a', pair.a.id);
    chooseSnapshot('b', pair.b.id);
    selectLayer(most?.layer ?? null);
    filters.value = most?.filters ?? [];
    choosingLayer.value = most === null;
    maximised.value = null;
    page.value = 'compare';
  });
}

/** Never of other pins, whose answer stays on screen while the next one comes. */
function topOfPins(): TopFilters | null {
  const known = latest(topFilters.value);
  if (known === null || topFilters.value.status === 'ready') return known;
  const pinned = new Set(pins.value);
  const same = known.steps.length === pinned.size && known.steps.every((step) => pinned.has(step));
  return same ? known : null;
}

function impossible(reason: string): PinnedPair {
  return { state: 'impossible', reason };
}
