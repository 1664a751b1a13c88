/** What the marks of the view mean, in sentences. */
import type { TrainingImages } from '../../client/types';
import { formatCount, formatFraction, MISSING } from '../../scales/format';
import type { Side } from './anomalies';

/** `1 image`, `23 images`; irregular plurals are given. */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** Names that are numbers alone do not say what they number. */
export function imageName(name: string | undefined, image: number): string {
  return name === undefined || /^\d+$/.test(name) ? `image ${name ?? image}` : name;
}

/** As the heading of what tells about it. */
export function imageTitle(name: string | undefined, image: number): string {
  return imageName(name, image).replace(/^image /, 'Image ');
}

/** A run of d + 1 passes in words; the steps are known where passes are equally far apart. */
export function runWords(runLength: number, passes: readonly number[]): string {
  const words = countOf(runLength + 1, 'pass', 'passes');
  const interval = passInterval(passes);
  return interval === null
    ? words
    : `${words} (about ${formatCount((runLength + 1) * interval)} steps)`;
}

/** Steps from a pass to the next, as of most of them. */
export function passInterval(passes: readonly number[]): number | null {
  if (passes.length < 2) return null;
  const gaps = passes.slice(1).map((step, index) => step - (passes[index] as number));
  gaps.sort((one, other) => one - other);
  return gaps[gaps.length >> 1] ?? null;
}

export interface AnomalyWords {
  readonly side: Side;
  readonly count: number;
  /** `class tench`, `cluster 2`, or null for the whole model. */
  readonly of: string | null;
  readonly runLength: number;
}

/** What happened at an anomaly iteration. */
export function anomalyWords({ side, count, of, runLength }: AnomalyWords): string {
  const images = countOf(count, 'image') + (of === null ? '' : ` of ${of}`);
  if (runLength === 0) return `${images} changed from the pass before.`;
  const run = countOf(runLength + 1, 'pass', 'passes');
  return side === 'left'
    ? `${images} changed after a stable run of at least ${run}.`
    : `${images} changed and then stayed so for at least ${run}.`;
}

/** Why the newest passes have no right anomalies. */
export function hindsightWords(runLength: number): string {
  const run = countOf(runLength + 1, 'pass', 'passes');
  return `A state that began is known only ${run} afterwards: while training runs, the newest passes cannot be marked so yet.`;
}

export function turnedWords({
  correct,
  wrong,
}: {
  readonly correct: number;
  readonly wrong: number;
}): string {
  return `${formatCount(wrong)} became wrong, ${formatCount(correct)} correct.`;
}

/** `error 24.1 %`, or a dash. */
export function errorWords(error: number | undefined): string {
  return `error ${error === undefined || Number.isNaN(error) ? MISSING : formatFraction(error)}`;
}

/** The last pass at which an error is known; -1 where none is. */
export function lastKnown(error: Float32Array): number {
  let pass = error.length - 1;
  while (pass >= 0 && Number.isNaN(error[pass])) pass -= 1;
  return pass;
}

/** A row for those who do not see it: where the error began, where it is, and where it was least. */
export function rowSummary(
  name: string,
  error: Float32Array,
  passes: readonly number[],
  /** Null while marks are hidden. */
  marks: number | null,
): string {
  let best = -1;
  error.forEach((value, pass) => {
    if (!Number.isNaN(value) && (best < 0 || value < (error[best] as number))) best = pass;
  });
  const anomalies = marks === null ? '' : `; ${marksWords(marks)}`;
  if (best < 0) return `${name}: error unknown${anomalies}`;
  const known = [...error.keys()].filter((pass) => !Number.isNaN(error[pass]));
  const [first, last] = [known[0] as number, known.at(-1) as number];
  const at = (pass: number) =>
    `${formatFraction(error[pass] as number)} at step ${formatCount(passes[pass] ?? 0)}`;
  return `${name}: error from ${at(first)} to ${at(last)}, least ${at(best)}${anomalies}`;
}

function marksWords(marks: number): string {
  return marks === 0 ? 'no anomalies' : countOf(marks, 'anomaly', 'anomalies');
}

/** Of a class with more images than a chart can show. */
export function shownWords({ order, leftOut }: Pick<TrainingImages, 'order' | 'leftOut'>): string {
  const all = countOf(order.length + leftOut, 'image');
  return leftOut === 0 ? all : `${formatCount(order.length)} of ${all}`;
}
