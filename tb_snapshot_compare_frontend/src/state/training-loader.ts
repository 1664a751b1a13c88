/**
 * Keeps what is known of a training in step with the selection: while the Training page is on show,
 * and for sections that are on screen. A longer log takes the place of the one before quietly.
 */
import { effect, signal, untracked } from '@preact/signals';
import type { Client } from '../client/Client';
import { isAbort } from '../client/failure';
import { TrainingApi } from '../client/TrainingApi';
import type { FilterSeries, Training } from '../client/types';
import { followAnomalies } from './compare-pins';
import { type Ask, keepEachInStep, keepInStep, type Plan } from './fetching';
import { latest } from './resources';
import { shownRun } from './snapshots';
import {
  anomalyRule,
  bandEdges,
  correlationAll,
  correlationCount,
  correlationForm,
  correlationKeep,
  filterMeasure,
  isShown,
  isUnfolded,
  layerChart,
  layerStatistic,
  log,
  newestPin,
  onlyTop,
  openImage,
  page,
  pins,
  readLayer,
  shownKind,
  shownLayers,
  shownUnits,
  training,
  wantedClasses,
} from './training';
import * as data from './training-data';
import { curvesAttempt, trainingVersion } from './training-data';
import { respreadAll } from './training-growth';
import { followGrowth, noteGrowth } from './training-live';
import { followNetwork } from './training-network-loader';
import { followOther } from './training-other-loader';
import { type AskLog, NOTHING, planOf, type Respread } from './training-plans';
import {
  respreadBands,
  respreadClasses,
  respreadFilters,
  respreadHistory,
  respreadImages,
  respreadSeries,
} from './training-respread';
import { settleTraining } from './training-settle';
import { waitWhileHidden } from './waiting';

/** While snapshots are indexed or findings are looked for. */
const INDEXING_MS = 1000;
/** A log that grows is read anew no more often. */
const REFRESH_MS = 2000;
/** Starts following; ends with the function that it returns. */
export function followTraining(client: Client): () => void {
  const api = new TrainingApi(client);
  const ended = new AbortController();
  /** Raised to ask for the training again. */
  const asked = signal(0);
  const onTraining = () => page.value === 'training';
  let seenVersion = trainingVersion.peek();
  let last = Number.NEGATIVE_INFINITY;
  let waiting = false;

  /** Asks once, so long after it was asked last. */
  const askAfter = (pause: number) => {
    if (waiting) return;
    waiting = true;
    const rest = Math.max(0, last + pause - Date.now());
    waitWhileHidden(rest, ended.signal).then(
      () => {
        waiting = false;
        seenVersion = trainingVersion.peek();
        asked.value += 1;
      },
      (error: unknown) => {
        if (!isAbort(error)) throw error;
      },
    );
  };

  const stops = [
    keepInStep(
      training,
      () => {
        const name = shownRun.value?.name;
        if (name === undefined) return NOTHING;
        const ask: Ask<Training> = (follow) => {
          last = Date.now();
          return api.training(name, follow);
        };
        return { key: name, version: String(asked.value), ask };
      },
      {
        when: onTraining,
        keepStale: (previous) => previous.run === shownRun.peek()?.name,
        onValue: (value) => {
          const before = latest(training.peek());
          respreadAll(before, value);
          noteGrowth(before, value);
        },
      },
    ),
    effect(() => {
      if (!onTraining() || trainingVersion.value === seenVersion) return;
      untracked(() => askAfter(REFRESH_MS));
    }),
    effect(() => {
      const resource = training.value;
      const known = latest(resource);
      if (!onTraining() || resource.status === 'loading' || known === null) return;
      if (known.state === 'indexing' || !known.examined) untracked(() => askAfter(INDEXING_MS));
    }),
    effect(settleTraining),
    followGrowth(),
    followAnomalies(),
    ...followSections(api, onTraining),
    followNetwork(client),
    ...followOther(api, asked, () => askAfter(INDEXING_MS)),
  ];
  return () => {
    ended.abort();
    for (const stop of stops) stop();
  };
}

function followSections(api: TrainingApi, onTraining: () => boolean): (() => void)[] {
  const inSection = (section: Parameters<typeof isShown>[0]) => ({ when: () => isShown(section) });
  // An image that is looked at lies over the page, wherever that is scrolled to.
  const ofImages = {
    when: () => isShown('validation') || (openImage.value !== null && isUnfolded('validation')),
  };
  return [
    keepInStep(
      data.trainingCurves,
      () => {
        const known = log.value;
        if (known === null) return NOTHING;
        const version = `${known.version} ${curvesAttempt.value}`;
        return { key: known.run, version, ask: (follow) => api.curves(known.run, follow) };
      },
      { when: onTraining, keepStale: (previous) => previous.run === log.peek()?.run },
    ),
    keepInStep(
      data.trainingClasses,
      () => {
        const { runLength } = anomalyRule.value;
        return ofPasses(
          [runLength],
          (of, follow) => api.classes(of, { runLength, clusters: null }, follow),
          respreadClasses,
        );
      },
      { when: () => isShown('validation') || isShown('correlation') },
    ),
    keepEachInStep(
      data.classImages,
      () => wantedClasses.value,
      (index) => ofPasses([index], (of, follow) => api.images(of, index, follow), respreadImages),
      ofImages,
    ),
    keepInStep(
      data.imageHistory,
      () => {
        const image = openImage.value;
        if (image === null) return NOTHING;
        return ofPasses([image], (of, follow) => api.image(of, image, follow), respreadHistory);
      },
      { ...ofImages, keepStale: () => false },
    ),
    keepInStep(
      data.layerSeries,
      () => {
        const kind = shownKind.value;
        const chart = layerChart.value;
        if (kind === null || chart === 'bands') return NOTHING;
        const statistic = chart === 'box' ? 'quartiles' : layerStatistic.value;
        const units = shownUnits.value;
        return ofDumps(
          units.length > 0,
          [kind, statistic, units],
          (of, follow) => api.layers(of, { kind, statistic, units }, follow),
          respreadSeries,
        );
      },
      inSection('layers'),
    ),
    keepInStep(
      data.layerBands,
      () => {
        const kind = shownKind.value;
        if (kind === null || layerChart.value !== 'bands') return NOTHING;
        const [edges, units] = [bandEdges.value, shownUnits.value];
        return ofDumps(
          units.length > 0,
          [kind, edges, units],
          (of, follow) => api.bands(of, { kind, edges, units }, follow),
          respreadBands,
        );
      },
      inSection('layers'),
    ),
    keepEachInStep(
      data.filterSeries,
      () => shownLayers.value,
      (layer) => ofFilters(api, layer, filterMeasure.value),
      inSection('layers'),
    ),
    keepEachInStep(
      data.filterNorms,
      () => {
        const layer = readLayer.value;
        const wanted = layer !== null && filterMeasure.value === 'cosine';
        return wanted && shownLayers.value.includes(layer) ? [layer] : [];
      },
      (layer) => ofFilters(api, layer, 'relative_l2'),
      inSection('layers'),
    ),
    keepInStep(
      data.topFilters,
      () => {
        const newest = log.value?.dumps.at(-1) ?? Number.NEGATIVE_INFINITY;
        const steps = pins.value.filter((step) => step <= newest);
        return ofDumps(steps.length > 0, steps, (of, follow) => api.top(of, steps, null, follow));
      },
      { when: onTraining },
    ),
    keepInStep(
      data.correlation,
      () => {
        const { threshold, runLength } = anomalyRule.value;
        const count = correlationCount.value;
        // The simple form counts every filter: each is in some mini-set.
        const keep = correlationForm.value === 'simple' ? 1 : correlationKeep.value;
        const query = { threshold, runLength, count, keep, allLayers: correlationAll.value };
        const able = (log.value?.dumps.length ?? 0) > 0;
        if (!able) return NOTHING;
        return ofPasses(Object.values(query), (of, follow) => api.correlation(of, query, follow));
      },
      inSection('correlation'),
    ),
    keepEachInStep(
      data.miniSetSeries,
      () => (correlationForm.value === 'cube' ? layersOfSets() : []),
      (layer) => {
        const filters = filtersOfSets(layer);
        return ofDumps(
          filters.length > 0,
          [layer, filters],
          (of, follow) => api.filters(of, { layer, measure: 'cosine', filters }, follow),
          respreadFilters,
        );
      },
      inSection('correlation'),
    ),
    keepInStep(
      data.forensics,
      () => {
        const step = newestPin.value;
        if (step === null) return NOTHING;
        return ofDumps(true, [step], (of, follow) => api.forensics(of, step, follow));
      },
      inSection('forensics'),
    ),
  ];
}

function ofFilters(api: TrainingApi, layer: string, measure: string): Plan<FilterSeries> {
  const filters = onlyTop.value ? topOf(layer) : null;
  return ofDumps(
    filters === null || filters.length > 0,
    [measure, layer, filters],
    (of, follow) => api.filters(of, { layer, measure, filters }, follow),
    respreadFilters,
  );
}

/** The filters of a layer that are among the most changed of the pinned steps. */
function topOf(layer: string): readonly number[] {
  const top = latest(data.topFilters.value)?.filters ?? [];
  return top.filter((entry) => entry.layer === layer).map(({ filter }) => filter);
}

/** As many as the cube shows. */
const SET_LAYERS_MOST = 200;

function layersOfSets(): readonly string[] {
  const rows = latest(data.correlation.value)?.rows ?? [];
  const some = rows.filter(({ sets }) => sets.length > 0).map(({ layer }) => layer);
  return some.slice(0, SET_LAYERS_MOST);
}

function filtersOfSets(layer: string): readonly number[] {
  const row = latest(data.correlation.value)?.rows.find((each) => each.layer === layer);
  const filters = row?.sets.flatMap((set) => set.filters) ?? [];
  return filters.sort((one, other) => one - other);
}

function ofPasses<T>(parts: readonly unknown[], ask: AskLog<T>, respread?: Respread<T>): Plan<T> {
  return planOf(log, (log.value?.passes.length ?? 0) > 0, parts, ask, respread);
}

function ofDumps<T>(
  able: boolean,
  parts: readonly unknown[],
  ask: AskLog<T>,
  respread?: Respread<T>,
): Plan<T> {
  return planOf(log, able && (log.value?.dumps.length ?? 0) > 0, parts, ask, respread);
}
