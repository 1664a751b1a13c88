/** Answers what the layer view asks for, from a made-up log, as the loader would. */
import { effect } from '@preact/signals';
import type { FilterSeries } from '../../src/client/types';
import type { Resource } from '../../src/state/resources';
import * as state from '../../src/state/training';
import * as data from '../../src/state/training-data';
import { trainingNetwork } from '../../src/state/training-network';
import { networkOf } from '../harness/training/network';
import { bandsOf, filtersOf, type MadeLog, seriesOf, topOf } from './log';

const IDLE = { status: 'idle' } as const;

/** Returns what ends it. */
export function answerFrom(log: MadeLog): () => void {
  state.training.value = { status: 'ready', value: log.training };
  const network = networkOf(log.training.units);
  trainingNetwork.value = network.edges.length > 0 ? { status: 'ready', value: network } : IDLE;
  const ends = [
    effect(() => {
      const [kind, units] = [state.shownKind.value, state.shownUnits.value];
      if (kind === null) return;
      const chart = state.layerChart.value;
      if (chart === 'bands') {
        const value = bandsOf(log, units, kind, state.bandEdges.value);
        data.layerBands.value = { status: 'ready', value };
        return;
      }
      const statistic = chart === 'box' ? 'quartiles' : state.layerStatistic.value;
      data.layerSeries.value = { status: 'ready', value: seriesOf(log, units, kind, statistic) };
    }),
    effect(() => {
      const measure = state.filterMeasure.value;
      const of = (each: string): ReadonlyMap<string, Resource<FilterSeries>> =>
        new Map(
          state.shownLayers.value.map((path) => [
            path,
            { status: 'ready', value: filtersOf(log, path, each) },
          ]),
        );
      data.filterSeries.value = of(measure);
      data.filterNorms.value = measure === 'cosine' ? of('relative_l2') : new Map();
    }),
    effect(() => {
      const steps = state.pins.value;
      const layers = log.training.units
        .filter(({ is_layer, path }) => is_layer && path !== 'conv1' && path !== 'fc1000')
        .map(({ path }) => path)
        .filter((_, index) => index % 9 === 4 || log.training.units.length < 10);
      data.topFilters.value =
        steps.length === 0
          ? { status: 'idle' }
          : { status: 'ready', value: topOf(log, steps, layers) };
    }),
  ];
  return () => {
    for (const end of ends) end();
  };
}

/** As on a page that was just opened. */
export function resetLayers(): void {
  state.training.value = { status: 'idle' };
  state.pins.value = [];
  state.stepRange.value = null;
  state.hoveredStep.value = null;
  state.hoveredUnit.value = null;
  state.pinMode.value = true;
  state.layerKind.value = null;
  state.layerStatistic.value = 'l1';
  state.layerChart.value = 'horizon';
  state.sameScale.value = false;
  state.horizonBands.value = 3;
  state.horizonMirror.value = true;
  state.horizonBase.value = null;
  state.openUnits.value = [];
  state.openLayers.value = [];
  state.filterMeasure.value = 'cosine';
  state.filterScale.value = 'filter';
  state.bandEdges.value = [0.0001, 0.001, 0.01, 0.1];
  state.onlyTop.value = false;
  state.page.value = 'training';
  state.closedSections.value = [];
  trainingNetwork.value = IDLE;
  data.layerSeries.value = { status: 'idle' };
  data.layerBands.value = { status: 'idle' };
  data.filterSeries.value = new Map();
  data.filterNorms.value = new Map();
  data.topFilters.value = { status: 'idle' };
}
