/**
 * Where the bars and their segments lie, in pixels. A bar's height is its count through the count
 * scale; inside a bar, segments share that height in proportion to their counts, so that a share
 * can be read in every count scale.
 */
import { scaleLinear } from 'd3-scale';
import type { Cell } from '../../state/selection';
import type { CountScale as CountScaleKind } from '../../state/view-choice';

export type { CountScaleKind };

export interface Plot {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Counts by bin and level. Levels are stacked from 0 at the base. */
export interface Stack {
  readonly edges: readonly number[];
  readonly counts: readonly (readonly number[])[];
  /** 1 for a level that is shown, 0 for a hidden one, between while it fades. */
  readonly weights: readonly number[];
  readonly kind: CountScaleKind;
  /** The count at the top of the plot. */
  readonly top: number;
  readonly plot: Plot;
}

/** A bar that is not empty can always be seen. */
const SMALLEST_BAR = 1;
/** A pointer this far above a bar still means the bar's topmost segment. */
const REACH_ABOVE = 10;
const WIDEST_GAP = 2;
/** From this width of a bin on, bars are separated by a gap. */
const GAP_FROM = 5;

export function barTotal(counts: readonly number[], weights: readonly number[]): number {
  let total = 0;
  for (let level = 0; level < counts.length; level += 1) {
    total += (counts[level] as number) * (weights[level] ?? 1);
  }
  return total;
}

export function highestBar(
  counts: readonly (readonly number[])[],
  weights: readonly number[],
): number {
  let highest = 0;
  for (const bar of counts) highest = Math.max(highest, barTotal(bar, weights));
  return highest;
}

/** A round count at or a little above the highest bar. */
export function niceTop(kind: CountScaleKind, highest: number): number {
  if (highest <= 0) return 1;
  if (kind === 'log') return highest * 1.25;
  return scaleLinear().domain([0, highest]).nice(5).domain()[1] ?? highest;
}

/** The share of the plot's height for a count; 0 for 0, 1 for `top`. */
export function heightShare(kind: CountScaleKind, count: number, top: number): number {
  if (count <= 0) return 0;
  switch (kind) {
    case 'linear':
      return count / top;
    case 'sqrt':
      return Math.sqrt(count / top);
    case 'log':
      return Math.log1p(count) / Math.log1p(top);
  }
}

/** Counts to label, at least `spacing` pixels apart, ascending from 0. */
export function countTicks(
  kind: CountScaleKind,
  top: number,
  height: number,
  spacing = 32,
): number[] {
  if (kind === 'linear') {
    const ticks = scaleLinear()
      .domain([0, top])
      .ticks(Math.max(1, Math.floor(height / (spacing * 1.25))));
    return ticks.filter(Number.isInteger);
  }
  const position = (count: number) => heightShare(kind, count, top) * height;
  const kept = [0];
  let lowest = position(top) + spacing;
  const candidates = kind === 'log' ? powers([1], top) : powers([1, 2, 5], top);
  for (const count of candidates.reverse()) {
    const at = position(count);
    if (at > lowest - spacing || at < spacing) continue;
    kept.push(count);
    lowest = at;
  }
  return kept.sort((x, y) => x - y);
}

export function binRect({ edges, plot }: Pick<Stack, 'edges' | 'plot'>, bin: number): Rect {
  const width = (plot.right - plot.left) / (edges.length - 1);
  const x = plot.left + bin * width;
  return { x, y: plot.top, width, height: plot.bottom - plot.top };
}

/** The drawn part of a bin, without the gap to its neighbours. */
export function barRect(stack: Stack, bin: number): Rect {
  const { x, width } = binRect(stack, bin);
  const gap = width < GAP_FROM ? 0 : Math.min(WIDEST_GAP, width * 0.16);
  const height = barHeight(stack, bin);
  return { x: x + gap / 2, y: stack.plot.bottom - height, width: width - gap, height };
}

/** Null for an empty or hidden cell. */
export function segmentRect(stack: Stack, { bin, level }: Cell): Rect | null {
  const bar = stack.counts[bin];
  const count = (bar?.[level] ?? 0) * (stack.weights[level] ?? 1);
  if (bar === undefined || count <= 0) return null;
  const { x, y, width, height } = barRect(stack, bin);
  const total = barTotal(bar, stack.weights);
  let below = 0;
  for (let at = 0; at < level; at += 1) {
    below += (bar[at] as number) * (stack.weights[at] ?? 1);
  }
  const segment = (height * count) / total;
  return { x, y: y + height - (height * below) / total - segment, width, height: segment };
}

/** One path per level with the segments of all its bars; an empty text for a level without any. */
export function levelPaths(stack: Stack): string[] {
  const paths = (stack.counts[0] ?? []).map((): string[] => []);
  for (let bin = 0; bin < stack.counts.length; bin += 1) {
    const bar = stack.counts[bin] as readonly number[];
    const total = barTotal(bar, stack.weights);
    if (total <= 0) continue;
    const rect = barRect(stack, bin);
    let bottom = rect.y + rect.height;
    for (let level = 0; level < bar.length; level += 1) {
      const count = (bar[level] as number) * (stack.weights[level] ?? 1);
      if (count <= 0) continue;
      const height = (rect.height * count) / total;
      bottom -= height;
      paths[level]?.push(rectPath({ x: rect.x, y: bottom, width: rect.width, height }));
    }
  }
  return paths.map((parts) => parts.join(''));
}

export function rectPath({ x, y, width, height }: Rect): string {
  return `M${fixed(x)} ${fixed(y)}h${fixed(width)}v${fixed(height)}h${fixed(-width)}z`;
}

export function binAt(stack: Pick<Stack, 'edges' | 'plot'>, x: number): number {
  const bins = stack.edges.length - 1;
  const { left, right } = stack.plot;
  const bin = Math.floor(((x - left) / (right - left)) * bins);
  return Math.max(0, Math.min(bins - 1, bin));
}

/** The cell under a point of the plot; null outside of the bars. */
export function cellAt(stack: Stack, x: number, y: number): Cell | null {
  const { left, right, bottom } = stack.plot;
  if (x < left || x > right || y > bottom) return null;
  const bin = binAt(stack, x);
  const bar = stack.counts[bin];
  const rect = barRect(stack, bin);
  if (bar === undefined || rect.height === 0 || y < rect.y - REACH_ABOVE) return null;
  let topmost: Cell | null = null;
  for (let level = 0; level < bar.length; level += 1) {
    const segment = segmentRect(stack, { bin, level });
    if (segment === null) continue;
    topmost = { bin, level };
    if (y >= segment.y) return topmost;
  }
  return topmost;
}

function barHeight(stack: Stack, bin: number): number {
  const total = barTotal(stack.counts[bin] ?? [], stack.weights);
  if (total <= 0) return 0;
  const full = stack.plot.bottom - stack.plot.top;
  return Math.max(SMALLEST_BAR, Math.min(1, heightShare(stack.kind, total, stack.top)) * full);
}

/** `digits` times powers of ten up to `top`, ascending. */
function powers(digits: readonly number[], top: number): number[] {
  const values: number[] = [];
  for (let power = 1; power <= top; power *= 10) {
    values.push(...digits.map((digit) => digit * power).filter((value) => value <= top));
  }
  return values;
}

function fixed(value: number): string {
  return String(Math.round(value * 100) / 100);
}
