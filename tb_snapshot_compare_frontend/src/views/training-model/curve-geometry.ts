/** Where curves lie: values to pixels, and a line that keeps every peak. */
import { type ScaleContinuousNumeric, scaleLinear, scaleLog } from 'd3-scale';
import { tickFormat } from '../../scales/format';
import { indexAt, middleAt, type StepScale } from '../../scales/steps';
import { beyondPath, cutPath, type Point } from './cut-line';
import type { Lane, LaneCurve, LaneKind } from './lanes';

export type Values = 'linear' | 'log';

/** Values beyond the ends of `y` lie beyond the chart, some within its padding. */
export interface ValueAxis {
  readonly height: number;
  readonly y: ScaleContinuousNumeric<number, number>;
  readonly ticks: readonly number[];
  readonly label: (tick: number) => string;
}

const TICK_SPACING = 26;
const PADDING = 6;
/** Above what so many of the values reach, spikes leave the linear chart. */
const SHOWN_SHARE = 0.998;
/** A spike rises so many times as high as those do; of few values a steep fall is no spike. */
const SPIKE = 4;
const SPIKE_OF_FEW = 20;
const MANY = 1 / (1 - SHOWN_SHARE);

/** Of all values in sight, with round ends; error is a share, and its axis ends at 0 and at 1. */
export function valueAxis(
  lane: Lane,
  steps: readonly number[],
  scale: StepScale,
  height: number,
  values: Values,
): ValueAxis {
  const shown = lane.curves.flatMap((curve) => valuesIn(curve, steps, scale));
  const isShare = lane.kind === 'error';
  const usable = shown.filter(
    (value) => (value > 0 || values === 'linear') && (!isShare || (value >= 0 && value <= 1)),
  );
  const within = (ends: Ends): Ends =>
    isShare ? [Math.max(0, ends[0]), Math.min(1, ends[1])] : ends;
  const extent = within(extentOf(usable, values));
  const range = [height - PADDING, PADDING];
  const count = Math.max(2, Math.floor((height - 2 * PADDING) / TICK_SPACING));
  if (values === 'log') {
    const y = scaleLog(extent, range);
    const ticks = spread(y.ticks(count), count + 1);
    return { height, y, ticks, label: (tick) => logLabel(lane.kind, tick) };
  }
  const y = scaleLinear(extent, range).nice(count);
  const [low = 0, high = 1] = y.domain();
  y.domain(within([low, high]));
  const ticks = y.ticks(count);
  return { height, y, ticks, label: linearLabel(lane.kind, ticks) };
}

export interface DrawnCurve {
  /** The line, cut where it leaves the chart. */
  readonly path: string;
  /** Bars at the edges that values lie beyond. */
  readonly beyond: string;
}

export function drawnCurve(
  curve: LaneCurve,
  steps: readonly number[],
  scale: StepScale,
  axis: ValueAxis,
): DrawnCurve {
  const pieces = piecesOf(curve, steps, scale, axis);
  return { path: cutPath(pieces, axis.height), beyond: beyondPath(pieces, axis.height) };
}

/** One point for each value; where several fall on a pixel, their lowest and their highest. */
function piecesOf(
  { x, y }: LaneCurve,
  steps: readonly number[],
  scale: StepScale,
  axis: ValueAxis,
): readonly (readonly Point[])[] {
  const [from, to] = inSight(x, steps, scale);
  const pieces: Point[][] = [];
  let piece: Point[] = [];
  let bucket: Bucket | null = null;
  const flush = (): void => {
    if (bucket === null) return;
    if (piece.length === 0) pieces.push(piece);
    piece.push(...pointsOf(bucket).map(([place, value]): Point => [place, axis.y(value)]));
    bucket = null;
  };
  for (let index = from; index < to; index += 1) {
    const value = y[index];
    if (!isDrawable(value, axis)) {
      flush();
      piece = [];
      continue;
    }
    const place = middleAt(steps, scale, x[index] as number);
    if (bucket !== null && Math.floor(place) !== bucket.pixel) flush();
    bucket = added(bucket, place, value);
  }
  flush();
  return pieces;
}

interface Bucket {
  readonly pixel: number;
  readonly first: readonly [number, number];
  low: readonly [number, number];
  high: readonly [number, number];
  last: readonly [number, number];
}

function added(bucket: Bucket | null, place: number, value: number): Bucket {
  const point = [place, value] as const;
  if (bucket === null) {
    return { pixel: Math.floor(place), first: point, low: point, high: point, last: point };
  }
  if (value < bucket.low[1]) bucket.low = point;
  if (value > bucket.high[1]) bucket.high = point;
  bucket.last = point;
  return bucket;
}

function pointsOf({ first, low, high, last }: Bucket): readonly (readonly [number, number])[] {
  return [...new Set([first, low, high, last])].sort(([one], [other]) => one - other);
}

function isDrawable(value: number | null | undefined, { y }: ValueAxis): value is number {
  if (value === null || value === undefined || !Number.isFinite(value)) return false;
  return value > 0 || !('base' in y);
}

/** Steps that were computed from epochs are not exact. */
const SAME_STEP = 1e-6;

export interface Recorded {
  readonly step: number;
  /** Null where it is not finite. */
  readonly value: number | null;
}

/**
 * What a curve says of a step: its value there, else the last one before. A column is named by its
 * first step, of which its dump is, so values that were logged later in it are not read there.
 */
export function recordedAt({ x, y }: LaneCurve, step: number): Recorded | null {
  const place = indexAt(x, step + SAME_STEP);
  const at = x[place];
  return at === undefined ? null : { step: at, value: y[place] ?? null };
}

/**
 * Indices of the values in sight, with one more at each end, so that the line goes on. A value lies
 * half a column right of its step.
 */
function inSight(
  x: readonly number[],
  steps: readonly number[],
  scale: StepScale,
): readonly [number, number] {
  const first = steps[indexAt(steps, scale.range[0]) - 1] ?? scale.range[0];
  const last = scale.invert(scale.width);
  return [Math.max(0, indexAt(x, first)), Math.min(x.length, indexAt(x, last) + 2)];
}

function valuesIn(curve: LaneCurve, steps: readonly number[], scale: StepScale): number[] {
  const [from, to] = inSight(curve.x, steps, scale);
  const values: number[] = [];
  for (let index = from; index < to; index += 1) {
    const value = curve.y[index];
    if (value !== null && value !== undefined && Number.isFinite(value)) values.push(value);
  }
  return values;
}

type Ends = readonly [low: number, high: number];

function extentOf(values: number[], kind: Values): Ends {
  if (values.length === 0) return kind === 'log' ? [0.1, 1] : [0, 1];
  values.sort((one, other) => one - other);
  const low = values[0] as number;
  const most = values.at(-1) as number;
  const usual = values[Math.floor(SHOWN_SHARE * (values.length - 1))] as number;
  // A spike that is little higher than the rest is in the chart.
  const factor = values.length < MANY ? SPIKE_OF_FEW : SPIKE;
  const isSpike = usual > low && most > low + factor * (usual - low);
  const high = kind === 'linear' && isSpike ? usual : most;
  if (low < high) return [low, high];
  return kind === 'log' ? [low / 2, low * 2] : [low - 0.5, low + 0.5];
}

function spread(ticks: readonly number[], most: number): readonly number[] {
  if (ticks.length <= most) return ticks;
  const decades = ticks.filter((tick) => Math.abs(Math.log10(tick) % 1) < 1e-9);
  if (decades.length >= 2) return decades;
  const every = Math.ceil(ticks.length / most);
  return ticks.filter((_, index) => index % every === 0);
}

function linearLabel(kind: LaneKind, ticks: readonly number[]): (tick: number) => string {
  if (kind === 'loss') return tickFormat(ticks);
  const percent = tickFormat(ticks.map((tick) => 100 * tick));
  return (tick) => `${percent(100 * tick)}\u00a0%`;
}

function logLabel(kind: LaneKind, tick: number): string {
  const value = kind === 'error' ? 100 * tick : tick;
  const text = tickFormat([value])(value);
  return kind === 'error' ? `${text}\u00a0%` : text;
}
