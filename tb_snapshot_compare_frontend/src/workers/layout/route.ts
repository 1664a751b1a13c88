/** Polylines and the SVG paths drawn along them. */
import type { Point } from './types';

export interface Polyline {
  readonly points: readonly Point[];
  /** `smooth` bends in curves from left to right, `square` runs in lanes with rounded corners. */
  readonly shape: 'smooth' | 'square';
}

const CORNER = 8;

const fixed = (value: number): string => String(Math.round(value * 10) / 10);
const pair = ({ x, y }: Point): string => `${fixed(x)} ${fixed(y)}`;

function towards(from: Point, to: Point, length: number): Point {
  const span = Math.hypot(to.x - from.x, to.y - from.y);
  const share = span === 0 ? 0 : length / span;
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
}

function squarePath(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (!first) return '';
  let path = `M${pair(first)}`;
  rest.forEach((point, index) => {
    const before = points[index] as Point;
    const after = points[index + 2];
    if (!after) {
      path += `L${pair(point)}`;
      return;
    }
    const room = Math.min(
      CORNER,
      Math.hypot(point.x - before.x, point.y - before.y) / 2,
      Math.hypot(after.x - point.x, after.y - point.y) / 2,
    );
    path += `L${pair(towards(point, before, room))}Q${pair(point)} ${pair(towards(point, after, room))}`;
  });
  return path;
}

function smoothPath(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (!first) return '';
  let path = `M${pair(first)}`;
  let last = first;
  for (const point of rest) {
    const middle = (last.x + point.x) / 2;
    path +=
      Math.abs(last.y - point.y) < 0.5
        ? `L${pair(point)}`
        : `C${pair({ x: middle, y: last.y })} ${pair({ x: middle, y: point.y })} ${pair(point)}`;
    last = point;
  }
  return path;
}

export function pathOf(line: Polyline): string {
  return line.shape === 'square' ? squarePath(line.points) : smoothPath(line.points);
}

/** Lane for every interval, 0 nearest, so that intervals of one lane do not overlap. */
export function assignLanes(
  intervals: readonly { readonly from: number; readonly to: number }[],
  limit: number,
): number[] {
  const margin = 4;
  const lanes: { from: number; to: number }[][] = [];
  const result = new Array<number>(intervals.length).fill(0);
  const shortestFirst = intervals
    .map((interval, index) => ({ ...interval, index }))
    .sort((left, right) => left.to - left.from - (right.to - right.from));
  for (const { from, to, index } of shortestFirst) {
    let lane = lanes.findIndex((taken) =>
      taken.every((other) => to + margin <= other.from || from >= other.to + margin),
    );
    if (lane < 0) lane = lanes.length < limit ? lanes.length : index % limit;
    if (!lanes[lane]) lanes[lane] = [];
    lanes[lane]?.push({ from, to });
    result[index] = lane;
  }
  return result;
}
