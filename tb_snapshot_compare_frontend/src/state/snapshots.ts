/** What the listing says about the selected snapshots and the run on show. */
import { computed, signal } from '@preact/signals';
import type { Listing, Run, Snapshot } from '../client/types';
import { latest, listing } from './resources';
import { a, b, run } from './selection';

export type Side = 'a' | 'b';
/** `matches` tells what the user says of which tensors are one, where that is anything. */
export type Pair = readonly [Snapshot & { readonly matches?: string }, Snapshot];

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

/**
 * The chosen snapshots, as they were when they could be read last: what was computed of them stays
 * on show while they are written anew, and after they were deleted.
 */
export const lastReady = signal<ReadonlyMap<string, Snapshot>>(new Map());
/** Chosen snapshots that were written anew while they were chosen. */
export const rewritten = signal<ReadonlySet<string>>(new Set());

export const snapshotA = computed(() => snapshotOf(a.value));
export const snapshotB = computed(() => snapshotOf(b.value));

/** Both snapshots, once both are known and can be read, or could be a moment ago. */
export const readyPair = computed<Pair | null>(() => {
  const [one, other] = [readable(a.value), readable(b.value)];
  if (one === null || other === null) return null;
  const matches = latest(listing.value)?.matches;
  return [matches ? { ...one, matches } : one, other];
});

/** The run on the timeline: the chosen one, else that of b, else the first. */
export const shownRun = computed<Run | null>(() => {
  const all = runs.value;
  const named = (name: string | undefined | null) => all.find((entry) => entry.name === name);
  return named(run.value) ?? named(snapshotB.value?.run) ?? all[0] ?? null;
});

/** Whether the snapshot was deleted after it was chosen. */
export function isGone(id: string | null): boolean {
  return id !== null && !snapshotsById.value.has(id) && lastReady.value.has(id);
}

function snapshotOf(id: string | null): Snapshot | null {
  if (id === null) return null;
  return snapshotsById.value.get(id) ?? lastReady.value.get(id) ?? null;
}

function readable(id: string | null): Snapshot | null {
  const listed = snapshotOf(id);
  return listed === null || listed.state === 'ready'
    ? listed
    : (lastReady.value.get(listed.id) ?? null);
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
