/**
 * Keeps what is known of the run beside the one on show in step with the selection, by the same
 * routes: for sections that are on screen, and for what the other run has of them.
 */
import { effect, type ReadonlySignal, untracked } from '@preact/signals';
import type { TrainingApi } from '../client/TrainingApi';
import { type Ask, keepInStep } from './fetching';
import { latest } from './resources';
import {
  anomalyRule,
  bandEdges,
  isShown,
  layerChart,
  layerStatistic,
  otherLog,
  otherUnits,
  page,
  shownKind,
  shownUnits,
} from './training';
import { curvesAttempt } from './training-data';
import { respreadOther } from './training-growth';
import * as other from './training-other';
import { NOTHING, planOf } from './training-plans';
import { respreadBands, respreadClasses, respreadSeries } from './training-respread';

const onTraining = () => page.value === 'training';

/** `asked` is raised to ask for trainings again; `askAgain` has it raised in a while. */
export function followOther(
  api: TrainingApi,
  asked: ReadonlySignal<number>,
  askAgain: () => void,
): (() => void)[] {
  return [
    keepInStep(
      other.otherTraining,
      () => {
        const name = other.otherRun.value;
        if (name === null) return NOTHING;
        const ask: Ask<Awaited<ReturnType<typeof api.training>>> = (follow) =>
          api.training(name, follow);
        return { key: name, version: String(asked.value), ask };
      },
      {
        when: onTraining,
        keepStale: (previous) => previous.run === other.otherRun.peek(),
        onValue: (value) => respreadOther(latest(other.otherTraining.peek()), value),
      },
    ),
    effect(() => {
      const resource = other.otherTraining.value;
      if (!onTraining() || resource.status !== 'ready') return;
      if (resource.value.state === 'indexing') untracked(askAgain);
    }),
    keepInStep(
      other.otherCurves,
      () => {
        const known = otherLog.value;
        if (known === null) return NOTHING;
        const version = `${known.version} ${curvesAttempt.value}`;
        return { key: known.run, version, ask: (follow) => api.curves(known.run, follow) };
      },
      { when: onTraining, keepStale: (previous) => previous.run === otherLog.peek()?.run },
    ),
    keepInStep(
      other.otherClasses,
      () => {
        const { runLength } = anomalyRule.value;
        return planOf(
          otherLog,
          (otherLog.value?.passes.length ?? 0) > 0,
          [runLength],
          (of, follow) => api.classes(of, { runLength, clusters: null }, follow),
          respreadClasses,
        );
      },
      { when: () => isShown('validation') },
    ),
    keepInStep(
      other.otherSeries,
      () => {
        const chart = layerChart.value;
        const kind = chart === 'bands' ? null : recordedKind();
        if (kind === null) return NOTHING;
        const statistic = chart === 'box' ? 'quartiles' : layerStatistic.value;
        const units = unitsInBoth();
        return planOf(
          otherLog,
          units.length > 0,
          [kind, statistic, units],
          (of, follow) => api.layers(of, { kind, statistic, units }, follow),
          respreadSeries,
        );
      },
      { when: () => isShown('layers') },
    ),
    keepInStep(
      other.otherBands,
      () => {
        const kind = layerChart.value === 'bands' ? recordedKind() : null;
        if (kind === null) return NOTHING;
        const [edges, units] = [bandEdges.value, unitsInBoth()];
        return planOf(
          otherLog,
          units.length > 0,
          [kind, edges, units],
          (of, follow) => api.bands(of, { kind, edges, units }, follow),
          respreadBands,
        );
      },
      { when: () => isShown('layers') },
    ),
  ];
}

/** The kind on show, where the other run has it too. */
function recordedKind() {
  const kind = shownKind.value;
  const recorded = otherLog.value?.dumps.length ? otherLog.value.kinds : [];
  return kind !== null && recorded.includes(kind) ? kind : null;
}

function unitsInBoth(): readonly string[] {
  return shownUnits.value.filter((path) => otherUnits.value.has(path));
}
