/** From pinned steps and anomalies to the Compare page: the snapshots before and after. */
import { batch, computed, effect, signal, untracked } from '@preact/signals';
import type { TopFilters, Training } from '../client/types';
import { latest } from './resources';
import { filters, maximised, selectLayer } from './selection';
import { chooseSnapshot, choosingLayer } from './settle';
import { log, page, pinAll, pins } from './training';
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
  batch(() => {
    if (choose(pinnedPair.value)) page.value = 'compare';
  });
}

/** The snapshots around an anomaly, whatever else is pinned. */
export function pairOfAnomaly(step: number): PinnedPair {
  return pairAround([step], log.value?.snapshots ?? [], log.value?.axis);
}

/** Pins of which it is not known yet what changed most there; Compare has their layer then. */
const awaited = signal<readonly number[] | null>(null);

/**
 * Pins an anomaly and sets what Compare shows: the snapshots around it and the filters that changed
 * most at all pins. Returns whether there are two snapshots.
 */
export function chooseAnomaly(step: number): boolean {
  // What changed most is asked for before it is looked at.
  pinAll([step]);
  let found = false;
  batch(() => {
    found = choose(pairOfAnomaly(step));
    awaited.value = found && topOfPins() === null ? pins.value : null;
  });
  return found;
}

/** As `chooseAnomaly`, and opens the Compare page where there are two snapshots. */
export function compareAnomaly(step: number): void {
  if (chooseAnomaly(step)) page.value = 'compare';
}

/** Chooses the filters of an anomaly once they are known; ends with the function that it returns. */
export function followAnomalies(): () => void {
  return effect(() => {
    const wanted = awaited.value;
    const resource = topFilters.value;
    if (wanted === null) return;
    if (pins.value !== wanted || resource.status === 'failed') awaited.value = null;
    else if (resource.status === 'ready') {
      awaited.value = null;
      untracked(() => chooseMost(mostChanged(resource.value)));
    }
  });
}

/** Where nobody has chosen filters meanwhile. */
function chooseMost(most: ReturnType<typeof mostChanged>): void {
  if (most === null || filters.value.length > 0) return;
  batch(() => {
    selectLayer(most.layer);
    filters.value = most.filters;
    choosingLayer.value = false;
  });
}

/** Whether there are two snapshots to choose. */
function choose(pair: PinnedPair): boolean {
  if (pair.state !== 'ready') return false;
  const most = mostChanged(topOfPins());
  chooseSnapshot('a', pair.a.id);
  chooseSnapshot('b', pair.b.id);
  selectLayer(most?.layer ?? null);
  filters.value = most?.filters ?? [];
  choosingLayer.value = most === null;
  maximised.value = null;
  return true;
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
