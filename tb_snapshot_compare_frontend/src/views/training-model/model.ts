/** What the model's charts show, from the state. */
import { computed, signal } from '@preact/signals';
import { stepWords } from '../../elements/axis-words';
import { stepScale } from '../../scales/steps';
import { latest, listing } from '../../state/resources';
import { curveHeight, curveScale, log, shownRange, steps } from '../../state/training';
import { trainingClasses, trainingCurves } from '../../state/training-data';
import { drawnCurve, valueAxis } from './curve-geometry';
import { marksOn } from './curve-marks';
import { lanesOf, withPasses } from './lanes';
import { otherRates, withOther } from './other';
import { eventMarks, eventsOf, rateBlocks } from './strips';

/** Pixels of the charts, between gutter and margin. */
export const width = signal(0);

export const scale = computed(() => stepScale(steps.value, shownRange.value, width.value));

const snapshots = computed(() => {
  const runs = latest(listing.value)?.runs ?? [];
  return runs.find(({ name }) => name === log.value?.run)?.snapshots ?? [];
});

export const lanes = computed(() => {
  const known = log.value;
  const curves = latest(trainingCurves.value);
  if (known === null) return [];
  const own = curves?.run === known.run ? curves.curves : [];
  const logged = lanesOf(own, known.axis, snapshots.value);
  const passes = latest(trainingClasses.value)?.modelError ?? null;
  return withOther(withPasses(logged, known.passes, passes));
});

/** Lanes as they are drawn. */
export const drawings = computed(() =>
  lanes.value.map((lane) => {
    const [all, place] = [steps.value, scale.value];
    const axis = valueAxis(lane, all, place, curveHeight.value, curveScale.value);
    const drawn = lane.curves.map((curve) => drawnCurve(curve, all, place, axis));
    const marked = lane.curves.map((curve) =>
      curve.beside ? marksOn(curve, all, place, axis) : [],
    );
    return { lane, axis, drawn, marked };
  }),
);

/** Whether a curve leaves its chart. */
export const isCut = computed(() =>
  drawings.value.some(({ drawn }) => drawn.some(({ beyond }) => beyond !== '')),
);

export const rates = computed(() => log.value?.rates ?? []);
export const blocks = computed(() => rateBlocks(rates.value, steps.value, scale.value));
export const otherBlocks = computed(() => rateBlocks(otherRates.value, steps.value, scale.value));

export const events = computed(() => (log.value ? eventsOf(log.value, stepWords) : []));
export const marks = computed(() => eventMarks(events.value, steps.value, scale.value));
