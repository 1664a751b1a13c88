/** How two runs lie beside each other: which rows are of the same thing, and where a step falls. */
import { computed } from '@preact/signals';
import { indexAt } from '../scales/steps';
import { latest, listing } from './resources';
import { runs, runTitle } from './snapshots';
import { log, otherLog } from './training';
import { otherClasses } from './training-other';

/** Runs that can lie beside the one on show: those that have a log, or snapshots to derive one. */
export const comparableRuns = computed<readonly string[]>(() =>
  runs.value
    .filter(({ name }) => name !== log.value?.run)
    .filter(({ has_log: recorded, snapshots }) => {
      return recorded || snapshots.filter(({ state }) => state === 'ready').length > 1;
    })
    .map(({ name }) => name),
);

export const ownTitle = computed(() => titleOf(log.value?.run ?? ''));
export const otherTitle = computed(() => titleOf(otherLog.value?.run ?? ''));

/** As short as tells them apart, for where there is little room. */
export const shortTitles = computed(() => toldApart(ownTitle.value, otherTitle.value));

const SHORT = 12;

/** Two names without the parts that both begin with; short ones are as they are. */
export function toldApart(
  own: string,
  other: string,
): { readonly own: string; readonly other: string } {
  const [these, those] = [partsOf(own), partsOf(other)];
  const most = Math.min(these.length, those.length) - 1;
  let shared = 0;
  while (shared < most && these[shared] === those[shared]) shared += 1;
  const rest = (name: string, parts: readonly string[]) =>
    shared === 0 || name.length <= SHORT ? name : `…${parts.slice(shared).join('')}`;
  return { own: rest(own, these), other: rest(other, those) };
}

/** Each with the sign that ends it. */
function partsOf(name: string): readonly string[] {
  return name.split(/(?<=[-_/. ])/);
}

export function titleOf(run: string): string {
  return runTitle(run, latest(listing.value));
}

/** For each class of one run the same of another, by name; -1 where it has none. */
export function classMatches(
  names: readonly string[],
  others: readonly string[],
): readonly number[] {
  const places = new Map<string, number[]>();
  for (const [index, name] of others.entries()) {
    const known = places.get(name);
    if (known) known.push(index);
    else places.set(name, [index]);
  }
  // Of equal names the first is the first, the second the second.
  return names.map((name) => places.get(name)?.shift() ?? -1);
}

export const otherClassOf = computed<readonly number[]>(() =>
  classMatches(log.value?.classes ?? [], otherLog.value?.classes ?? []),
);

/** The steps of the other run's passes that its answer covers. */
export const otherPasses = computed<readonly number[]>(() => {
  const covered = latest(otherClasses.value)?.modelError.length ?? 0;
  return otherLog.value?.passes.slice(0, covered) ?? [];
});

/** The column of some steps that a step falls into; -1 before the first and after the last one's. */
export function columnAt(columns: readonly number[], step: number): number {
  const place = indexAt(columns, step);
  if (place < 0 || place < columns.length - 1) return place;
  const [before, last] = [columns[place - 1], columns[place] as number];
  const end = last + (before === undefined ? 1 : last - before);
  return step < end ? place : -1;
}
