/** Brings the Training page's selection in line with the log: an address may be of another run. */
import { batch, type Signal } from '@preact/signals';
import type { Resource } from './resources';
import {
  OPEN_CLASSES_MOST,
  openClasses,
  openImage,
  openImageStep,
  openLayers,
  openUnits,
  stepRange,
  steps,
  training,
  units,
} from './training';
import { trainingCurves } from './training-data';
import { otherRun, otherTraining } from './training-other';

/** Drops what the log does not have; pins stay, since runs are looked at by step. */
export function settleTraining(): void {
  if (training.value.status !== 'ready') return;
  const { run, classes, probe_images, dumps, passes } = training.value.value;
  const known = units.value.units;
  const all = steps.value;
  const range = stepRange.value;
  batch(() => {
    if (otherRun.value === run) otherRun.value = null;
    // Of a log that is still empty nobody knows what it will have.
    if (dumps.length + passes.length === 0) return;
    if (range && !overlaps(range, all) && !awaitsSteps()) stepRange.value = null;
    keep(openClasses, (index) => index < classes.length);
    if (openClasses.value.length > OPEN_CLASSES_MOST) {
      openClasses.value = openClasses.value.slice(-OPEN_CLASSES_MOST);
    }
    if ((openImage.value ?? -1) >= probe_images) openImage.value = null;
    if (openImage.value === null) openImageStep.value = null;
    keep(openUnits, (path) => known.has(path));
    keep(openLayers, (path) => {
      const unit = known.get(path);
      return Boolean(unit?.is_layer && unit.filters > 0);
    });
  });
}

/** Whether there may be more steps: of the other run, and of scalars that begin before the log. */
function awaitsSteps(): boolean {
  return (otherRun.value !== null && isAwaited(otherTraining)) || isAwaited(trainingCurves);
}

function isAwaited({ value }: Signal<Resource<unknown>>): boolean {
  return value.status === 'idle' || value.status === 'loading';
}

function overlaps([first, last]: readonly [number, number], all: readonly number[]): boolean {
  return first <= (all.at(-1) as number) && last >= (all[0] as number);
}

function keep<T>(list: Signal<readonly T[]>, able: (value: T) => boolean): void {
  const kept = list.value.filter(able);
  if (kept.length < list.value.length) list.value = kept;
}
