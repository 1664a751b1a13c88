/** Asking about a log as it is at its version. */
import type { ReadonlySignal } from '@preact/signals';
import type { LogOf } from '../client/TrainingApi';
import type { Training } from '../client/types';
import type { Ask, Plan } from './fetching';
import type { Steps } from './training-respread';

export const NOTHING = { key: '', ask: null } as const;

export type AskLog<T> = (of: LogOf, follow: Parameters<NonNullable<Ask<T>>>[0]) => Promise<T>;
export type Respread<T> = (value: T, before: Steps, after: Steps) => T;

/** An answer that comes after the log has grown gets its columns. */
export function planOf<T>(
  log: ReadonlySignal<Training | null>,
  able: boolean,
  parts: readonly unknown[],
  ask: AskLog<T>,
  respread: Respread<T> = (value) => value,
): Plan<T> {
  const known = log.value;
  if (known === null || !able) return NOTHING;
  return {
    key: JSON.stringify([known.run, ...parts]),
    version: known.version,
    subject: known.run,
    ask: async (follow) => {
      const value = await ask(known, follow);
      const now = log.peek();
      return now === null || now.run !== known.run ? value : respread(value, known, now);
    },
  };
}
