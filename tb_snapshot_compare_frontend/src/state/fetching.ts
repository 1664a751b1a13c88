/** Keeps one resource in step with what it depends on. */
import { effect, type Signal, untracked } from '@preact/signals';
import type { Follow } from '../client/Api';
import { isAbort, RequestFailure } from '../client/failure';
import { attempt } from './environment';
import { type Failure, latest, type Resource } from './resources';

/** Asks for a value; null when there is nothing to ask for. */
export type Ask<T> = ((follow: Follow) => Promise<T>) | null;

export interface Plan<T> {
  /** Equal keys ask once. */
  readonly key: string;
  readonly ask: Ask<T>;
  /**
   * What the value is of, e.g. a pair of snapshots: after a failure the previous value stays only
   * if it is of the same. The key by default.
   */
  readonly of?: string;
  /**
   * What the value must be of to stay on screen while the next one comes, e.g. an image; without it
   * `keepStale` alone decides.
   */
  readonly subject?: string;
}

export interface FetchingOptions<T> {
  /** Whether the previous value may stay on screen while the next one comes. */
  readonly keepStale?: (previous: T) => boolean;
  /** Fetches the listing again when the bytes have changed: a new generation asks anew. */
  readonly onStale?: () => Promise<void>;
}

interface Started<T> {
  readonly ask: Ask<T>;
  readonly of: string;
  readonly subject: string | undefined;
}

/**
 * Runs `plan` whenever a signal that it reads changes, or a retry is asked for; the previous
 * request is abandoned.
 */
export function keepInStep<T>(
  resource: Signal<Resource<T>>,
  plan: () => Plan<T>,
  { keepStale = () => true, onStale }: FetchingOptions<T> = {},
): () => void {
  let current: { readonly key: string; readonly abort: AbortController } | null = null;
  let lastAttempt = attempt.value;
  /** What the last value is of. */
  let heldFor: string | null = null;
  let heldSubject: string | undefined;

  const stopEffect = effect(() => {
    const { key, ask, of = key, subject } = plan();
    const again =
      attempt.value !== lastAttempt && untracked(() => resource.value.status) === 'failed';
    lastAttempt = attempt.value;
    if (current?.key === key && !again) return;
    current?.abort.abort();
    const abort = new AbortController();
    current = { key, abort };
    untracked(() => start({ ask, of, subject }, abort.signal));
  });

  function start({ ask, of, subject }: Started<T>, signal: AbortSignal): void {
    if (ask === null) {
      resource.value = { status: 'idle' };
      return;
    }
    const previous = latest(resource.value);
    const kept = previous !== null && subject === heldSubject && keepStale(previous);
    const stale = kept ? previous : null;
    resource.value = { status: 'loading', job: null, stale };
    follow({ ask, of, subject }, signal, stale);
  }

  async function follow(
    { ask, of, subject }: Started<T> & { readonly ask: NonNullable<Ask<T>> },
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
      if (signal.aborted) return;
      heldFor = of;
      heldSubject = subject;
      resource.value = { status: 'ready', value };
    } catch (error) {
      if (signal.aborted || isAbort(error)) return;
      if (onStale && error instanceof RequestFailure && error.isStale) await onStale();
      // A new generation has started its own request by now.
      if (signal.aborted) return;
      const kept = heldFor === of ? stale : null;
      resource.value = { status: 'failed', failure: failureFor(error), stale: kept };
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
