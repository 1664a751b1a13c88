/** Whether the training on show goes on, and what came with its last step. */
import { effect, signal } from '@preact/signals';
import type { Training } from '../client/types';

/** A training of which nothing came for so long is not said to go on. */
export const LIVE_MS = 60_000;

export interface Growth {
  /** The newest step before: what comes after it is new. */
  readonly after: number;
  readonly newest: number;
}

/** Null where nothing came lately. */
export const growth = signal<Growth | null>(null);

/** Compares what is known of a run with what was known before; indexing of snapshots is no growth. */
export function noteGrowth(before: Training | null, now: Training): void {
  if (before === null || before.run !== now.run) {
    growth.value = null;
    return;
  }
  const [after, newest] = [newestOf(before), newestOf(now)];
  if (before.state !== 'ready' || after === null || newest === null || newest <= after) return;
  growth.value = { after, newest };
}

/** Forgets growth that was long ago; ends with the function that it returns. */
export function followGrowth(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = effect(() => {
    clearTimeout(timer);
    if (growth.value === null) return;
    timer = setTimeout(() => {
      growth.value = null;
    }, LIVE_MS);
  });
  return () => {
    clearTimeout(timer);
    stop();
  };
}

function newestOf({ dumps, passes }: Training): number | null {
  const newest = Math.max(dumps.at(-1) ?? -1, passes.at(-1) ?? -1);
  return newest < 0 ? null : newest;
}
