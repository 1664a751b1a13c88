/** What the listing says about the selected snapshots and the run on show. */
import { computed } from '@preact/signals';
import type { Listing, Run, Snapshot } from '../client/types';
import { latest, listing } from './resources';
import { a, b, run } from './selection';

export type Side = 'a' | 'b';
export type Pair = readonly [Snapshot, Snapshot];

export const SIDES = { a, b } as const;

const none: readonly Run[] = [];

export const runs = computed<readonly Run[]>(() => latest(listing.value)?.runs ?? none);

export const snapshotsById = computed<ReadonlyMap<string, Snapshot>>(() => {
  const all = runs.value.flatMap((entry) => entry.snapshots);
  return new Map(all.map((snapshot) => [snapshot.id, snapshot]));
});

export const readySnapshots = computed(() =>
  [...snapshotsById.value.values()].filter((snapshot) => snapshot.state === 'ready'),
);

export const snapshotA = computed(() => snapshotOf(a.value));
export const snapshotB = computed(() => snapshotOf(b.value));

/** Both snapshots, once both are known and can be read. */
export const readyPair = computed<Pair | null>(() => {
  const pair = [snapshotA.value, snapshotB.value] as const;
  return pair.every((snapshot) => snapshot?.state === 'ready') ? (pair as Pair) : null;
});

/** The run on the timeline: the chosen one, else that of b, else the first. */
export const shownRun = computed<Run | null>(() => {
  const all = runs.value;
  const named = (name: string | undefined | null) => all.find((entry) => entry.name === name);
  return named(run.value) ?? named(snapshotB.value?.run) ?? all[0] ?? null;
});

function snapshotOf(id: string | null): Snapshot | null {
  return id === null ? null : (snapshotsById.value.get(id) ?? null);
}

export function swapSides(): void {
  const previous = a.value;
  a.value = b.value;
  b.value = previous;
}

/** A run's name for people: the root itself is called by its path. */
export function runTitle(name: string, from: Listing | null): string {
  if (name !== '.' && name !== '') return name;
  return from?.roots[0]?.path ?? 'logdir';
}
