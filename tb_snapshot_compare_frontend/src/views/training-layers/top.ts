/** The filters that are among the most changed at every pinned step. */
import type { TopFilters } from '../../client/types';

type TopFilter = TopFilters['filters'][number];

export interface Ranked {
  readonly rank: number;
  readonly filter: TopFilter;
}

/** The most changed first: by the mean of 1 − cosine over the steps where it is known. */
export function ranked(top: TopFilters | null): readonly Ranked[] {
  return (top?.filters ?? [])
    .map((filter) => ({ filter, change: meanChange(filter) }))
    .sort((one, other) => other.change - one.change)
    .map(({ filter }, index) => ({ rank: index + 1, filter }));
}

/** Indices of the top filters of a layer, ascending. */
export function topOf(top: TopFilters | null, layer: string): readonly number[] {
  return (top?.filters ?? [])
    .filter((each) => each.layer === layer)
    .map(({ filter }) => filter)
    .sort((one, other) => one - other);
}

function meanChange({ cosine }: TopFilter): number {
  const known = cosine.filter((value) => value !== null);
  if (known.length === 0) return Number.NEGATIVE_INFINITY;
  return known.reduce((sum, value) => sum + 1 - value, 0) / known.length;
}
