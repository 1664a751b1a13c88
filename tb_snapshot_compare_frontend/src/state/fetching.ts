/** Keeps one resource in step with what it depends on. */
import { batch, effect, type Signal, untracked } from '@preact/signals';
import type { Follow } from '../client/Api';
import { isAbort, RequestFailure } from '../client/failure';
import { attempt } from './environment';
import { type Failure, latest, type Resource } from './resources';
import { page } from './training';

/** Asks for a value; null when there is nothing to ask for. */
export type Ask<T> = ((follow: Follow) => Promise<T>) | null;

export interface Plan<T> {
  /** Equal keys ask once. */
  readonly key: string;
  /** A newer version of the same is asked for quietly: what is on screen stays as it is. */
  readonly version?: string;
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
  /**
   * While it is false nothing is asked for, and what is known stays as it is, unless it is of
   * another subject by now; by default that is while the Compare page is not on show.
   */
  readonly when?: () => boolean;
  /** Called with a value just before it is on show. */
  readonly onValue?: (value: T) => void;
}

/** Where a value lies: a signal, or a part of one. */
export interface Place<T> {
  value: T;
  peek(): T;
}

const IDLE = { status: 'idle' } as const;

const onCompare = () => page.value === 'compare';

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
  resource: Place<Resource<T>>,
  plan: () => Plan<T>,
  { keepStale = () => true, onStale, when = onCompare, onValue }: FetchingOptions<T> = {},
): () => void {
  let current: {
    readonly key: string;
    readonly version: string;
    readonly subject: string | undefined;
    readonly abort: AbortController;
  } | null = null;
  let lastAttempt = attempt.value;
  /** What the last value is of. */
  let heldFor: string | null = null;
  let heldSubject: string | undefined;

  const stopEffect = effect(() => {
    if (!when()) {
      // Others may read it, and would take it for what is chosen now.
      if (current?.subject !== undefined && plan().subject !== current.subject) untracked(forget);
      return;
    }
    const { key, version = '', ask, of = key, subject } = plan();
    const again =
      attempt.value !== lastAttempt && untracked(() => resource.value.status) === 'failed';
    lastAttempt = attempt.value;
    const same = current?.key === key && !again;
    if (same && current?.version === version) return;
    current?.abort.abort();
    const abort = new AbortController();
    current = { key, version, subject, abort };
    untracked(() => start({ ask, of, subject }, abort.signal, same));
  });

  function forget(): void {
    current?.abort.abort();
    current = null;
    resource.value = IDLE;
  }

  function start({ ask, of, subject }: Started<T>, signal: AbortSignal, newer: boolean): void {
    if (ask === null) {
      resource.value = IDLE;
      return;
    }
    const previous = latest(resource.value);
    if (newer && resource.value.status === 'ready') {
      follow({ ask, of, subject }, signal);
      return;
    }
    const kept = previous !== null && subject === heldSubject && keepStale(previous);
    const stale = kept ? previous : null;
    resource.value = { status: 'loading', job: null, stale };
    follow({ ask, of, subject }, signal);
  }

  async function follow(
    { ask, of, subject }: Started<T> & { readonly ask: NonNullable<Ask<T>> },
    signal: AbortSignal,
  ): Promise<void> {
    // A newer version shows itself when it is there.
    const quiet = resource.peek().status === 'ready';
    try {
      const value = await ask({
        signal,
        onJob: (job) => {
          if (signal.aborted || quiet) return;
          resource.value = { status: 'loading', job, stale: latest(resource.peek()) };
        },
      });
      if (signal.aborted) return;
      heldFor = of;
      heldSubject = subject;
      batch(() => {
        onValue?.(value);
        resource.value = { status: 'ready', value };
      });
    } catch (error) {
      if (signal.aborted || isAbort(error)) return;
      if (onStale && error instanceof RequestFailure && error.isStale) await onStale();
      // A new generation has started its own request by now.
      if (signal.aborted) return;
      const kept = heldFor === of ? latest(resource.peek()) : null;
      resource.value = { status: 'failed', failure: failureFor(error), stale: kept };
    }
  }

  return () => {
    stopEffect();
    current?.abort.abort();
  };
}

/** Keeps a resource for each of some keys in step; those of other keys are dropped. */
export function keepEachInStep<K, T>(
  resources: Signal<ReadonlyMap<K, Resource<T>>>,
  keys: () => readonly K[],
  plan: (key: K) => Plan<T>,
  options: FetchingOptions<T>,
): () => void {
  const followed = new Map<K, () => void>();
  const { when = onCompare } = options;

  const stopKeys = effect(() => {
    if (!when()) return;
    const wanted = new Set(keys());
    untracked(() => {
      for (const key of followed.keys()) if (!wanted.has(key)) drop(key);
      for (const key of wanted) if (!followed.has(key)) followed.set(key, follow(key));
    });
  });

  function follow(key: K): () => void {
    const read = () => resources.peek().get(key) ?? IDLE;
    const resource: Place<Resource<T>> = {
      get value() {
        return read();
      },
      set value(next) {
        resources.value = new Map(resources.peek()).set(key, next);
      },
      peek: read,
    };
    return keepInStep(resource, () => plan(key), options);
  }

  function drop(key: K): void {
    followed.get(key)?.();
    followed.delete(key);
    const kept = new Map(resources.peek());
    kept.delete(key);
    resources.value = kept;
  }

  return () => {
    stopKeys();
    for (const stop of followed.values()) stop();
  };
}

export function failureFor(error: unknown): Failure {
  if (error instanceof RequestFailure) return { code: error.code, message: error.message };
  return { code: 'unexpected', message: `The page failed: ${String(error)}` };
}
