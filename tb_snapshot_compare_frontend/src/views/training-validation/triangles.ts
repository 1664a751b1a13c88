/** The shapes of anomaly marks, and which of them lies under the pointer. */
import type { Column } from '../../scales/steps';
import { HALF_MAX, HALF_MIN, type Side, type Triangle } from './anomalies';
import { LANE } from './lines';

const HEIGHT_MIN = 5;
const HEIGHT_MAX = LANE - 1;
/** Marks whose tips are nearer to that of a larger one could not be told apart. */
const ROOM = HALF_MIN;

/** A mark that is drawn, with its tip from the left edge of the charts. */
export interface PlacedMark extends Triangle {
  readonly x: number;
}

/** Higher where it is wider, as high as its lane at most. */
export function markHeight(half: number): number {
  return HEIGHT_MIN + ((HEIGHT_MAX - HEIGHT_MIN) * (half - HALF_MIN)) / (HALF_MAX - HALF_MIN);
}

/** The middle of a pass in sight; null of others. */
export function middleOf(columns: readonly Column[], pass: number, width: number): number | null {
  const column = columns[pass - (columns[0]?.index ?? 0)];
  if (!column) return null;
  const [left, right] = [Math.max(0, column.left), Math.min(width, column.right)];
  return right < left ? null : (left + right) / 2;
}

/**
 * The marks in sight, of each side by place. Where passes lie closer than marks the largest are
 * drawn; zooming in shows the others.
 */
export function placeMarks(
  triangles: readonly Triangle[],
  columns: readonly Column[],
  width: number,
): readonly PlacedMark[] {
  const placed = triangles.flatMap((mark) => {
    const x = middleOf(columns, mark.pass, width);
    return x === null ? [] : [{ ...mark, x }];
  });
  placed.sort((one, other) => other.count - one.count || one.pass - other.pass);
  const taken = new Map<string, number>();
  const drawn = placed.filter(({ side, x }) => {
    const slot = Math.floor(x / ROOM);
    const crowded = [slot - 1, slot, slot + 1].some((near) => {
      const there = taken.get(`${side} ${near}`);
      return there !== undefined && Math.abs(there - x) < ROOM;
    });
    if (!crowded) taken.set(`${side} ${slot}`, x);
    return !crowded;
  });
  return drawn.sort((one, other) => one.pass - other.pass);
}

/** All marks of a side in one path: their tips touch the strip, which begins (or ends) at 0. */
export function marksPath(marks: readonly PlacedMark[], side: Side): string {
  let path = '';
  for (const { side: own, x, half } of marks) {
    if (own !== side) continue;
    const height = side === 'left' ? -markHeight(half) : markHeight(half);
    path += `M${round(x)} 0L${round(x - half)} ${round(height)}h${round(2 * half)}Z`;
  }
  return path;
}

/** The mark whose tip is nearest, among those that reach under the pointer. */
export function markUnder(marks: readonly PlacedMark[], side: Side, x: number): PlacedMark | null {
  let nearest: PlacedMark | null = null;
  for (const mark of marks) {
    const away = Math.abs(mark.x - x);
    if (mark.side !== side || away > mark.half) continue;
    if (nearest === null || away < Math.abs(nearest.x - x)) nearest = mark;
  }
  return nearest;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
