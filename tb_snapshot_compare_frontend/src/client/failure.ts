import type { ErrorBody } from './types';

/** A request that did not give a value; `message` may be shown as it is. */
export class RequestFailure extends Error {
  override readonly name = 'RequestFailure';

  constructor(
    readonly code: string,
    message: string,
    /** HTTP status; 0 when no answer came. */
    readonly status: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** The snapshot's bytes are no longer those that the URL names. */
  get isStale(): boolean {
    return this.status === 409 || this.status === 410;
  }
}

/** The failure that an answer with a 4xx or 5xx status carries. */
export async function failureOf(response: Response): Promise<RequestFailure> {
  const { status } = response;
  try {
    const { error } = (await response.json()) as ErrorBody;
    return new RequestFailure(error.code, error.message, status);
  } catch (cause) {
    const text = `TensorBoard answered with status ${status} and no explanation.`;
    return new RequestFailure('unexplained', text, status, { cause });
  }
}

export function unreachable(cause: unknown): RequestFailure {
  const text = 'TensorBoard does not answer. Is it still running?';
  return new RequestFailure('unreachable', text, 0, { cause });
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}
