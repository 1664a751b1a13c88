/** Asks the worker for layouts, keeps the newest ones, and gives up on one that takes too long. */

import type { LayoutInput, LayoutResult } from '../../workers/layout/types';
import type { LayoutAnswer, LayoutRequest } from '../../workers/layout.worker';

/** A layout that takes longer would not be readable either. */
const TIME_LIMIT_MS = 8000;
const KEPT = 24;

interface Pending {
  readonly resolve: (result: LayoutResult) => void;
  readonly reject: (error: Error) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

export class LayoutClient {
  private worker: Worker | null = null;
  private readonly pending = new Map<number, Pending>();
  private readonly cache = new Map<string, Promise<LayoutResult>>();
  private count = 0;

  constructor(
    private readonly start: () => Worker = startWorker,
    private readonly limit = TIME_LIMIT_MS,
  ) {}

  /** Rejects with a sentence for the page. */
  layout(input: LayoutInput): Promise<LayoutResult> {
    const key = JSON.stringify(input);
    const known = this.cache.get(key);
    this.cache.delete(key);
    const answer = known ?? this.ask(input);
    this.cache.set(key, answer);
    if (!known) answer.catch(() => this.cache.delete(key));
    for (const oldest of this.cache.keys()) {
      if (this.cache.size <= KEPT) break;
      this.cache.delete(oldest);
    }
    return answer;
  }

  close(): void {
    this.stop('the view was closed');
  }

  private ask(input: LayoutInput): Promise<LayoutResult> {
    return new Promise((resolve, reject) => {
      this.worker ??= this.listen(this.start());
      const id = ++this.count;
      const seconds = this.limit / 1000;
      const timer = setTimeout(
        () => this.stop(`its layout was not ready after ${seconds} seconds`),
        this.limit,
      );
      this.pending.set(id, { resolve, reject, timer });
      this.worker.postMessage({ id, input } satisfies LayoutRequest);
    });
  }

  private listen(worker: Worker): Worker {
    worker.addEventListener('message', (event: MessageEvent<LayoutAnswer>) => {
      const answer = event.data;
      const waiting = this.pending.get(answer.id);
      if (!waiting) return;
      this.pending.delete(answer.id);
      clearTimeout(waiting.timer);
      if ('result' in answer) waiting.resolve(answer.result);
      else waiting.reject(new Error(answer.problem));
    });
    worker.addEventListener('error', () => this.stop('the layout worker could not be started'));
    return worker;
  }

  private stop(reason: string): void {
    this.worker?.terminate();
    this.worker = null;
    for (const { reject, timer } of this.pending.values()) {
      clearTimeout(timer);
      reject(new Error(reason));
    }
    this.pending.clear();
  }
}

function startWorker(): Worker {
  return new Worker(new URL('../../workers/layout.worker.ts', import.meta.url), { type: 'module' });
}
