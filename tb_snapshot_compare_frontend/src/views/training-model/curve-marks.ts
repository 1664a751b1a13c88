/** Marks on a curve, so that it is told from others by more than its colour. */
import { middleAt, type StepScale } from '../../scales/steps';
import type { ValueAxis } from './curve-geometry';
import type { LaneCurve } from './lanes';

const SPACING = 72;

/** Places of a value now and then, a fixed way apart where there are many. */
export function marksOn(
  { x, y }: LaneCurve,
  steps: readonly number[],
  scale: StepScale,
  axis: ValueAxis,
): readonly (readonly [x: number, y: number])[] {
  const marks: (readonly [number, number])[] = [];
  let next = 0;
  for (const [index, step] of x.entries()) {
    const value = y[index];
    const place = middleAt(steps, scale, step);
    if (place < next || place > scale.width) continue;
    if (value === null || value === undefined || !Number.isFinite(value)) continue;
    if (value <= 0 && 'base' in axis.y) continue;
    marks.push([place, axis.y(value)]);
    next = (Math.floor(place / SPACING) + 1) * SPACING;
  }
  return marks;
}
