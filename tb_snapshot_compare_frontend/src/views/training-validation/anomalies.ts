/**
 * Anomaly iterations: passes at which many images broke a state that had lasted for d + 1 passes
 * (left), or began one (right). The server counts the images; the threshold is applied here.
 */
export type Side = 'left' | 'right';

/** Images by pass. */
export interface Counts {
  readonly left: Int32Array;
  readonly right: Int32Array;
}

export interface Triangle {
  readonly pass: number;
  readonly side: Side;
  readonly count: number;
  /** Half its width, in pixels. */
  readonly half: number;
}

/** What counts are marked, and how large: from the threshold to the largest of all. */
export interface MarkScale {
  readonly threshold: number;
  readonly largest: number;
}

export const HALF_MIN = 6;
export const HALF_MAX = 15;
/** A group is marked where its count is this many robust standard deviations above its median. */
const FENCE = 6;
/** The standard deviation of a normal distribution over its median absolute deviation. */
const MAD_TO_SIGMA = 1.4826;

/** The largest count of each class, of both sides. */
export function peaksOf(
  left: Int32Array,
  right: Int32Array,
  classes: number,
  passes: number,
): Int32Array {
  const peaks = new Int32Array(classes);
  for (let index = 0; index < classes; index += 1) {
    let peak = 0;
    for (let at = index * passes; at < (index + 1) * passes; at += 1) {
      peak = Math.max(peak, left[at] as number, right[at] as number);
    }
    peaks[index] = peak;
  }
  return peaks;
}

export function largestCount({ left, right }: Counts): number {
  let largest = 0;
  for (const count of left) largest = Math.max(largest, count);
  for (const count of right) largest = Math.max(largest, count);
  return largest;
}

export function halfWidth(count: number, { threshold, largest }: MarkScale): number {
  const share = largest > threshold ? (count - threshold) / (largest - threshold) : 0;
  return HALF_MIN + (HALF_MAX - HALF_MIN) * Math.min(1, Math.max(0, share));
}

/**
 * The marks of a row, by pass. Without a lasting state (d = 0) both sides are the same passes with
 * the same counts: they are marked once.
 */
export function trianglesOf(counts: Counts, scale: MarkScale, runLength: number): Triangle[] {
  const sides: readonly Side[] = runLength === 0 ? ['left'] : ['left', 'right'];
  return sides.flatMap((side) => {
    const marks: Triangle[] = [];
    counts[side].forEach((count, pass) => {
      if (count >= scale.threshold && count > 0) {
        marks.push({ pass, side, count, half: halfWidth(count, scale) });
      }
    });
    return marks;
  });
}

/** The passes at which a side can be known: a run must fit before them, or after them. */
export function knownPasses(
  side: Side,
  runLength: number,
  passes: number,
): readonly [first: number, end: number] {
  return side === 'left'
    ? [Math.min(runLength + 1, passes), passes]
    : [Math.min(1, passes), Math.max(Math.min(1, passes), passes - runLength)];
}

/** The sums over some of the classes, by pass. */
export function sumCounts(
  counts: Int32Array,
  members: readonly number[],
  passes: number,
): Int32Array {
  const sums = new Int32Array(passes);
  for (const member of members) {
    const offset = member * passes;
    for (let pass = 0; pass < passes; pass += 1) {
      sums[pass] = (sums[pass] as number) + (counts[offset + pass] as number);
    }
  }
  return sums;
}

/** The mean over some of the classes, by pass; NaN where none is known. */
export function meanErrors(
  error: Float32Array,
  members: readonly number[],
  passes: number,
): Float32Array {
  const means = new Float32Array(passes);
  for (let pass = 0; pass < passes; pass += 1) {
    let sum = 0;
    let known = 0;
    for (const member of members) {
      const value = error[member * passes + pass] as number;
      if (Number.isNaN(value)) continue;
      sum += value;
      known += 1;
    }
    means[pass] = known === 0 ? Number.NaN : sum / known;
  }
  return means;
}

/**
 * From how many images on a group of classes is marked, unless the threshold of one class is
 * higher. Of many images some always change: what counts is what is far above the group's own
 * passes.
 */
export function usualFence(counts: Counts, runLength: number): number {
  const passes = counts.left.length;
  const usual = (['left', 'right'] as const).flatMap((side) => {
    const [first, end] = knownPasses(side, runLength, passes);
    return [...counts[side].subarray(first, end)];
  });
  if (usual.length === 0) return 0;
  const middle = median(usual);
  const spread = MAD_TO_SIGMA * median(usual.map((count) => Math.abs(count - middle)));
  return Math.ceil(middle + FENCE * spread);
}

function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  const upper = sorted[half] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] as number) + upper) / 2;
}

/** The next pass with a mark, after `pass` (or before it); null where there is none. */
export function nextMark(
  triangles: readonly Triangle[],
  pass: number,
  direction: 1 | -1,
): number | null {
  let next: number | null = null;
  for (const mark of triangles) {
    if ((mark.pass - pass) * direction <= 0) continue;
    if (next === null || (mark.pass - next) * direction < 0) next = mark.pass;
  }
  return next;
}
