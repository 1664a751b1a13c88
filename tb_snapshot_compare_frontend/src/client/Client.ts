/**
 * The only place that fetches. Equal requests share one answer, answers of immutable URLs are
 * kept, work under way (202) is asked for again, and what nobody waits for is cancelled.
 */
import { ByteLru } from './ByteLru';
import { failureOf, isAbort, RequestFailure, unreachable } from './failure';
import type { Job } from './types';

const CACHE_BYTES = 48 * 1024 * 1024;
/** Work under way is asked for again after this part of the time that it has taken so far. */
const DELAY_SHARE = 0.1;
const SHORTEST_DELAY_MS = 40;
const LONGEST_DELAY_MS = 1000;
const BUSY_DELAY_MS = 1000;
const BUSY_TRIES = 10;
/** The server's guard takes commands only with this header, which no foreign page can send. */
const COMMAND_HEADERS = { 'Content-Type': 'application/json', 'X-TB-Snapshot-Compare': '1' };

export type Wait = (milliseconds: number, signal: AbortSignal) => Promise<void>;
export type Decode<T> = (response: Response) => Promise<{ value: T; bytes: number }>;

export interface ClientOptions {
  readonly fetch?: typeof fetch;
  /** Waits before a request is repeated; the page's own also waits while it is hidden. */
  readonly wait?: Wait;
}

export interface Request<T> {
  /** Relative to the plugin, e.g. `comparison?a=...`. */
  readonly url: string;
  readonly decode: Decode<T>;
  /** For URLs that name generations: the answer never changes. */
  readonly immutable?: boolean;
  readonly signal?: AbortSignal;
  readonly onJob?: (job: Job) => void;
}

interface Shared {
  readonly abort: AbortController;
  readonly result: Promise<unknown>;
  readonly listeners: Set<(job: Job) => void>;
  job: Job | null;
  waiting: number;
}

export class Client {
  private readonly fetch: typeof fetch;
  private readonly wait: Wait;
  private readonly cache = new ByteLru<unknown>(CACHE_BYTES);
  private readonly underWay = new Map<string, Shared>();

  constructor(options: ClientOptions = {}) {
    this.fetch = options.fetch ?? ((input, init) => window.fetch(input, init));
    this.wait = options.wait ?? waitFor;
  }

  /** Rejects with `RequestFailure`, or with an `AbortError` once `signal` is aborted. */
  async get<T>(request: Request<T>): Promise<T> {
    request.signal?.throwIfAborted();
    const known = this.cache.get(request.url);
    if (known !== undefined) return known as T;
    const shared = this.underWay.get(request.url) ?? this.start(request);
    return this.join(shared, request) as Promise<T>;
  }

  async post(url: string, body: object): Promise<void> {
    await this.commanded(url, body);
  }

  /** A command that answers with a value. */
  async command<T>(url: string, body: object, decode: Decode<T>): Promise<T> {
    return (await decoded(await this.commanded(url, body), decode)).value;
  }

  private async commanded(url: string, body: object): Promise<Response> {
    const response = await this.send(url, {
      method: 'POST',
      headers: COMMAND_HEADERS,
      body: JSON.stringify(body),
    });
    if (!response.ok) throw await failureOf(response);
    return response;
  }

  private start<T>(request: Request<T>): Shared {
    const abort = new AbortController();
    const result = this.answer(request, abort.signal, (job) => {
      shared.job = job;
      for (const listener of shared.listeners) listener(job);
    });
    const shared: Shared = { abort, result, listeners: new Set(), job: null, waiting: 0 };
    this.underWay.set(request.url, shared);
    const forget = () => {
      if (this.underWay.get(request.url) === shared) this.underWay.delete(request.url);
    };
    result.then(forget, forget);
    return shared;
  }

  private join<T>(shared: Shared, { url, signal, onJob }: Request<T>): Promise<unknown> {
    shared.waiting += 1;
    if (onJob) shared.listeners.add(onJob);
    if (onJob && shared.job) onJob(shared.job);
    return new Promise((resolve, reject) => {
      const leave = () => {
        if (onJob) shared.listeners.delete(onJob);
        shared.waiting -= 1;
        if (shared.waiting === 0) this.abandon(url, shared);
        reject(abortError());
      };
      signal?.addEventListener('abort', leave, { once: true });
      const settle = () => signal?.removeEventListener('abort', leave);
      shared.result.then(
        (value) => {
          settle();
          resolve(value);
        },
        (error: unknown) => {
          settle();
          reject(error);
        },
      );
    });
  }

  /** Nobody waits any more: end the request, and the server's work for it. */
  private abandon(url: string, shared: Shared): void {
    this.underWay.delete(url);
    shared.abort.abort();
    if (!shared.job) return;
    // The job may have ended by itself; then there is nothing to cancel and nothing to tell.
    this.post('cancel', { job: shared.job.id }).catch(() => undefined);
  }

  private async answer<T>(
    { url, decode, immutable }: Request<T>,
    signal: AbortSignal,
    onJob: (job: Job) => void,
  ): Promise<T> {
    const started = performance.now();
    let busy = 0;
    for (;;) {
      const response = await this.send(url, { signal });
      if (response.status === 202) {
        onJob((await response.json()) as Job);
        const delay = DELAY_SHARE * (performance.now() - started);
        await this.wait(Math.min(Math.max(delay, SHORTEST_DELAY_MS), LONGEST_DELAY_MS), signal);
      } else if (response.status === 503 && busy < BUSY_TRIES) {
        busy += 1;
        await this.wait(retryAfter(response), signal);
      } else if (!response.ok) {
        throw await failureOf(response);
      } else {
        const { value, bytes } = await decoded(response, decode);
        signal.throwIfAborted();
        if (immutable && !isProvisional(response)) this.cache.set(url, value, bytes);
        return value;
      }
    }
  }

  private async send(url: string, init: RequestInit): Promise<Response> {
    try {
      return await this.fetch(`./${url}`, init);
    } catch (error) {
      throw isAbort(error) ? error : unreachable(error);
    }
  }
}

/** Waits; rejects with an `AbortError` as soon as `signal` is aborted. */
export function waitFor(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(abortError());
    const stop = () => {
      clearTimeout(timer);
      reject(abortError());
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    signal.addEventListener('abort', stop, { once: true });
  });
}

async function decoded<T>(
  response: Response,
  decode: Decode<T>,
): Promise<{ value: T; bytes: number }> {
  try {
    return await decode(response);
  } catch (error) {
    if (isAbort(error)) throw error;
    const text = `The answer could not be read: ${(error as Error).message}`;
    throw new RequestFailure('unreadable_answer', text, response.status, { cause: error });
  }
}

/** The server says so of layers for which a configuration may still turn up. */
function isProvisional(response: Response): boolean {
  return response.headers.get('Cache-Control') === 'no-cache';
}

function retryAfter(response: Response): number {
  const seconds = Number(response.headers.get('Retry-After') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 60) * 1000 : BUSY_DELAY_MS;
}

function abortError(): DOMException {
  return new DOMException('The request is no longer needed.', 'AbortError');
}
