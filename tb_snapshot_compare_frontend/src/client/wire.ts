/** What requests and answers of several routes have in common. */
import type { Decode } from './Client';
import type { Job, Snapshot } from './types';

type IdKeys = 'id' | 'generation';
/** Two snapshots, as ids and the generations of their bytes. */
export type PairOf = readonly [Pick<Snapshot, IdKeys>, Pick<Snapshot, IdKeys>];

export interface Follow {
  readonly signal?: AbortSignal;
  readonly onJob?: (job: Job) => void;
}

/** What is null is left out. */
export function pairQuery(
  [a, b]: PairOf,
  more: Readonly<Record<string, string | null>> = {},
): URLSearchParams {
  const query = new URLSearchParams({
    a: a.id,
    ga: a.generation,
    b: b.id,
    gb: b.generation,
  });
  for (const [key, value] of Object.entries(more)) if (value !== null) query.set(key, value);
  return query;
}

export async function json<T>(response: Response): ReturnType<Decode<T>> {
  const text = await response.text();
  return { value: JSON.parse(text) as T, bytes: 2 * text.length };
}
