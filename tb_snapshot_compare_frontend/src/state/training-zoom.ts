/** Zooming and panning all charts of the Training page. */
import { batch, computed } from '@preact/signals';
import { columnSpan, panned, type Range, revealed, zoomed, zoomOf } from '../scales/step-zoom';
import { hoveredStep, newestPin, shownRange, showPins, stepRange, steps } from './training';

const KEY_ZOOM = 1.5;

/** How much larger columns are than when all are in sight. */
export const zoomFactor = computed(() => zoomOf(steps.value, stepRange.value));

/** Columns in sight. */
export const columnCount = computed(() => {
  const [from, to] = columnSpan(steps.value, stepRange.value);
  return to - from + 1;
});

/** Null shows all, also what is yet to come. */
export function setRange(range: Range | null): void {
  stepRange.value = range;
}

/** About a step; else that under the pointer, the newest pin in sight, the middle of what is. */
export function zoomBy(factor: number, about: number | null = null): void {
  const [first, last] = shownRange.peek();
  const anchor = about ?? hoveredStep.peek() ?? pinInSight() ?? (first + last) / 2;
  setRange(zoomed(steps.peek(), stepRange.peek(), factor, anchor));
}

function pinInSight(): number | null {
  const [pin, [first, last]] = [newestPin.peek(), shownRange.peek()];
  return pin !== null && showPins.peek() && pin >= first && pin <= last ? pin : null;
}

export function zoomIn(): void {
  zoomBy(KEY_ZOOM);
}

export function zoomOut(): void {
  zoomBy(1 / KEY_ZOOM);
}

/** By a part of what is in sight, to later steps where it is positive. */
export function panBy(share: number): void {
  const columns = share * columnCount.peek();
  panColumns(Math.sign(columns) * Math.ceil(Math.abs(columns)));
}

export function panColumns(columns: number, from: Range | null = stepRange.peek()): void {
  setRange(panned(steps.peek(), from, columns));
}

/** Moves the crosshair, and what is in sight with it. */
export function goTo(step: number): void {
  batch(() => {
    hoveredStep.value = step;
    setRange(revealed(steps.peek(), stepRange.peek(), step));
  });
}
