/** The same row of both runs at a step. */
import type { Line, OwnContent } from './lines';
import * as model from './model';
import { axisOf, otherError, passAtStep } from './other';

export interface RunValue {
  /** Of the pass, which may be earlier than the one asked for. */
  readonly step: number;
  readonly error: number;
}

export interface PairAt {
  /** Null where the run has no pass in whose column the step lies, or no such row. */
  readonly own: RunValue | null;
  readonly other: RunValue | null;
}

export function pairAt(of: OwnContent, step: number): PairAt {
  return {
    own: valueAt(of.kind, model.errorOfContent(of), step),
    other: valueAt('other', otherError(of), step),
  };
}

function valueAt(
  kind: 'other' | OwnContent['kind'],
  error: Float32Array | null,
  step: number,
): RunValue | null {
  const pass = passAtStep({ kind }, step);
  const at = axisOf({ kind }).passes[pass];
  return error === null || at === undefined ? null : { step: at, error: error[pass] as number };
}

/** The content of a line, or of the line that it is the other run's of; null without another run. */
export function contentOf(line: Line): OwnContent | null {
  if (line.kind === 'other') return line.of;
  return line.kind === 'rest' || !model.isPaired.value ? null : line;
}

/** Of a line, or of the line that it is the other run's of. */
export function contentKind(line: Line): OwnContent['kind'] | 'rest' {
  return line.kind === 'other' ? line.of.kind : line.kind;
}
