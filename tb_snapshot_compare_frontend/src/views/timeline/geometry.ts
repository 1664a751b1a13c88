/** Where things lie in the timeline's drawing, in CSS pixels. */
import { type ScaleContinuousNumeric, scaleLinear, scaleTime } from 'd3-scale';
import { line } from 'd3-shape';
import type { Curve } from '../../client/types';
import { tickFormat } from '../../scales/format';
import type { Axis } from '../../state/selection';
import { type Lane, type Mark, nearestMark } from './model';

export const GUTTER_LEFT = 104;
export const GUTTER_RIGHT = 28;
/** Before the first place, so that a's flag does not cover the labels. */
const FLAG_ROOM = 12;
const TOP = 9;
const TRACK_HEIGHT = 22;
const AXIS_HEIGHT = 20;
const LANE_GAP = 16;
const TRACK_GAP = 7;
/** Between the labels of a lane. */
const VALUE_SPACING = 15;
const TICK_SPACING = 90;
/** A snapshot this close to the pointer is meant. */
const MARK_REACH = 12;
const CURVE_REACH = 40;

export interface LaneBox {
  readonly lane: Lane;
  readonly top: number;
  readonly bottom: number;
  readonly y: ScaleContinuousNumeric<number, number>;
  /** Round values from the lower end to the upper, evenly spaced. */
  readonly ticks: readonly number[];
}

export interface Tick {
  readonly x: number;
  readonly label: string;
}

export interface Geometry {
  readonly width: number;
  readonly height: number;
  readonly x: ScaleContinuousNumeric<number, number>;
  readonly lanes: readonly LaneBox[];
  /** Middle of the line on which the snapshots lie. */
  readonly trackY: number;
  readonly axisY: number;
  readonly ticks: readonly Tick[];
}

export function layOut(
  width: number,
  height: number,
  axis: Axis,
  domain: [number, number],
  lanes: readonly Lane[],
): Geometry {
  const x = timeScale(width, domain);
  const axisY = height - AXIS_HEIGHT;
  const laneHeight =
    (axisY - TRACK_HEIGHT - TOP - LANE_GAP * Math.max(0, lanes.length - 1) - TRACK_GAP) /
    Math.max(1, lanes.length);
  const boxes = lanes.map((lane, index) => {
    const top = TOP + index * (laneHeight + LANE_GAP);
    const bottom = top + Math.max(1, laneHeight);
    return { lane, top, bottom, ...valueScale(lane, top, bottom) };
  });
  return {
    width,
    height,
    x,
    lanes: boxes,
    trackY: axisY - TRACK_HEIGHT / 2,
    axisY,
    ticks: ticksOf(axis, x, width),
  };
}

/** The places of the axis in a drawing of this width. */
export function timeScale(width: number, domain: [number, number]): Geometry['x'] {
  const first = GUTTER_LEFT + FLAG_ROOM;
  return scaleLinear(domain, [first, Math.max(first + 1, width - GUTTER_RIGHT)]);
}

/** Gaps where a value is not finite. */
export function curvePath(curve: Curve, geometry: Geometry, y: LaneBox['y']): string {
  const points = curve.x.map((x, index) => [x, curve.y[index] ?? null] as const);
  const path = line<readonly [number, number | null]>()
    .defined(([, value]) => value !== null)
    .x(([x]) => round(geometry.x(x)))
    .y(([, value]) => round(y(value as number)));
  return path(points) ?? '';
}

/** One path for all marks of a state, however many there are. */
export function marksPath(marks: readonly Mark[], geometry: Geometry, radius: number): string {
  const { x, trackY } = geometry;
  return marks
    .map(({ position }) => {
      const left = round(x(position) - radius);
      return `M${left} ${trackY}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0`;
    })
    .join('');
}

export function crossesPath(marks: readonly Mark[], geometry: Geometry, radius: number): string {
  const { x, trackY } = geometry;
  return marks
    .map(({ position }) => {
      const [left, right] = [round(x(position) - radius), round(x(position) + radius)];
      const [top, bottom] = [trackY - radius, trackY + radius];
      return `M${left} ${top}L${right} ${bottom}M${left} ${bottom}L${right} ${top}`;
    })
    .join('');
}

/** Smaller where the snapshots are dense, so that they do not run into one bar. */
export function markRadius(marks: readonly Mark[], width: number): number {
  const room = (width - GUTTER_LEFT - GUTTER_RIGHT) / Math.max(1, marks.length - 1);
  return Math.min(4, Math.max(1.5, room / 2.6));
}

/** How far from a logged value its curve is read, in units of the axis. */
export function curveReach({ x }: Geometry): number {
  return Math.abs(x.invert(CURVE_REACH) - x.invert(0));
}

export function markUnder(marks: readonly Mark[], { x }: Geometry, position: number): Mark | null {
  const nearest = nearestMark(marks, position);
  return nearest && Math.abs(x(nearest.position) - x(position)) <= MARK_REACH ? nearest : null;
}

/** Ends at round values, with as many of them between as can be read. */
function valueScale(lane: Lane, top: number, bottom: number): Pick<LaneBox, 'y' | 'ticks'> {
  const count = Math.max(1, Math.min(5, Math.floor((bottom - top) / VALUE_SPACING)));
  const y = scaleLinear(valueExtent(lane), [bottom, top]).nice(count + 1);
  const ticks = y.ticks(count);
  const [low = 0, high = 1] = y.domain();
  return { y, ticks: ticks.length > 1 ? ticks : [low, high] };
}

function valueExtent(lane: Lane): [number, number] {
  const values = lane.curves.flatMap(({ curve }) => curve.y.filter((value) => value !== null));
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return [0, 1];
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

function ticksOf(axis: Axis, x: Geometry['x'], width: number): readonly Tick[] {
  const count = Math.max(2, Math.floor((width - GUTTER_LEFT - GUTTER_RIGHT) / TICK_SPACING));
  if (axis === 'time') {
    const domain = x.domain().map((seconds) => new Date(seconds * 1000));
    const time = scaleTime(domain, x.range());
    const label = time.tickFormat(count);
    return time.ticks(count).map((date) => ({ x: time(date), label: label(date) }));
  }
  const whole = x.ticks(count).filter(Number.isInteger);
  const label = tickFormat(whole);
  return whole.map((value) => ({ x: x(value), label: label(value) }));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
