/** What requests and answers of several routes have in common. */
import type { Decode } from './Client';
import type { Job, Snapshot } from './types';

type IdKeys = 'id' | 'generation';
type Named = Pick<Snapshot, IdKeys>;
/**
 * Two snapshots, as ids and the generations of their bytes. `matches` is the listing's: what the
 * user says of which tensors are one.
 */
export type PairOf = readonly [Named & { readonly matches?: string }, Named];

export interface Follow {
  readonly signal?: AbortSignal;
  readonly onJob?: (job: Job) => void;
}

/** What answers about a pair depend on. */
export function pairIds([a, b]: PairOf): readonly string[] {
  return [a.id, a.generation, b.id, b.generation, ...(a.matches ? [a.matches] : [])];
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
  if (a.matches) query.set('m', a.matches);
  for (const [key, value] of Object.entries(more)) if (value !== null) query.set(key, value);
  return query;
}

export async function json<T>(response: Response): ReturnType<Decode<T>> {
  const text = await response.text();
  return { value: JSON.parse(text) as T, bytes: 2 * text.length };
}
