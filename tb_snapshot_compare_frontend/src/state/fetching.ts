/** Keeps one resource in step with what it depends on. */
import { effect, type Signal, untracked } from '@preact/signals';
import type { Follow } from '../client/Api';
import { isAbort, RequestFailure } from '../client/failure';
import { attempt } from './environment';
import { type Failure, latest, type Resource } from './resources';

/** Asks for a value; null when there is nothing to ask for. */
export type Ask<T> = ((follow: Follow) => Promise<T>) | null;

export interface FetchingOptions<T> {
  /** Whether the previous value may stay on screen while the next one comes. */
  readonly keepStale?: (previous: T) => boolean;
  /** Fetches the listing again when the bytes have changed: a new generation asks anew. */
  readonly onStale?: () => Promise<void>;
}

/**
 * Runs `plan` whenever a signal that it reads changes, or a retry is asked for. `plan` gives a
 * key (equal keys ask once) and the request; the previous request is abandoned.
 */
export function keepInStep<T>(
  resource: Signal<Resource<T>>,
  plan: () => { readonly key: string; readonly ask: Ask<T> },
  { keepStale = () => true, onStale }: FetchingOptions<T> = {},
): () => void {
  let current: { readonly key: string; readonly abort: AbortController } | null = null;
  let lastAttempt = attempt.value;

  const stopEffect = effect(() => {
    const { key, ask } = plan();
    const again =
      attempt.value !== lastAttempt && untracked(() => resource.value.status) === 'failed';
    lastAttempt = attempt.value;
    if (current?.key === key && !again) return;
    current?.abort.abort();
    const abort = new AbortController();
    current = { key, abort };
    untracked(() => start(ask, abort.signal));
  });

  function start(ask: Ask<T>, signal: AbortSignal): void {
    if (ask === null) {
      resource.value = { status: 'idle' };
      return;
    }
    const previous = latest(resource.value);
    const stale = previous !== null && keepStale(previous) ? previous : null;
    resource.value = { status: 'loading', job: null, stale };
    follow(ask, signal, stale);
  }

  async function follow(
    ask: NonNullable<Ask<T>>,
    signal: AbortSignal,
    stale: T | null,
  ): Promise<void> {
    try {
      const value = await ask({
        signal,
        onJob: (job) => {
          if (!signal.aborted) resource.value = { status: 'loading', job, stale };
        },
      });
      if (!signal.aborted) resource.value = { status: 'ready', value };
    } catch (error) {
      if (signal.aborted || isAbort(error)) return;
      if (onStale && error instanceof RequestFailure && error.isStale) await onStale();
      // A new generation has started its own request by now.
      if (signal.aborted) return;
      resource.value = { status: 'failed', failure: failureFor(error), stale };
    }
  }

  return () => {
    stopEffect();
    current?.abort.abort();
  };
}

export function failureFor(error: unknown): Failure {
  if (error instanceof RequestFailure) return { code: error.code, message: error.message };
  return { code: 'unexpected', message: `The page failed: ${String(error)}` };
}
