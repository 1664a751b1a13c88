/** What the view shows, from the selection and the server's answers. */
import { computed, signal } from '@preact/signals';
import type { TrainingUnit } from '../../client/types';
import type { WhichRun } from '../../elements/RunMark';
import type { Theme } from '../../scales/color';
import { columnsOf, GUTTER, stepScale } from '../../scales/steps';
import { dark } from '../../state/environment';
import { latest } from '../../state/resources';
import * as state from '../../state/training';
import { filterSeries, layerBands, layerSeries, topFilters } from '../../state/training-data';
import { trainingNetwork } from '../../state/training-network';
import { layersBelow } from '../../state/training-units';
import { type Bucket, bucketsOf } from './buckets';
import { chartStyle } from './chart-style';
import {
  type Extent,
  extentOf,
  horizonExtent,
  innerBoxExtent,
  innerExtentOf,
  joined,
  withZero,
} from './extents';
import { findingsOf } from './marks';
import { rowNames, unitName } from './names';
import { networkGraph } from './network-graph';
import { layOutStrip } from './network-strip';
import { isPaired, otherValues } from './other-values';
import { FILTERS_MOST, heightOf, layOutRows, type Opened, type UnitRow } from './rows';
import { hasGaps, hasNotFinite, type Row, rowOf } from './series';
import { shortNames } from './short-names';
import { topOf } from './top';
import { LABELS_LEFT, layOutTree, treeItems } from './tree';
import { isSigned } from './words';

/** Of the charts, in CSS pixels; 0 before they are laid out. */
export const chartWidth = signal(0);
export const pixelRatio = signal(1);
/** Vertical zoom of the filter charts, by layer. */
export const zooms = signal<ReadonlyMap<string, number>>(new Map());
/** What the tree's keys are at. */
export const treePath = signal<string | null>(null);

/** What lies under the pointer, or under the charts' own cursor. */
export type Pointed =
  | {
      readonly kind: 'row';
      readonly path: string;
      /** Of the charts of a row, that of this run; the dump is one of its own. */
      readonly run: WhichRun;
      readonly dump: number;
    }
  | {
      readonly kind: 'filter';
      readonly path: string;
      readonly dump: number;
      readonly filter: number;
      /** Of the cell, in the viewport. */
      readonly x: number;
      readonly y: number;
    };
export const pointed = signal<Pointed | null>(null);

export const theme = computed<Theme>(() => (dark.value ? 'dark' : 'light'));

export const scale = computed(() =>
  stepScale(state.steps.value, state.shownRange.value, chartWidth.value),
);

/** Dumps in sight, in CSS pixels. */
export const columns = computed(() => columnsOf(state.dumps.value, scale.value));

export const buckets = computed<readonly Bucket[]>(() =>
  bucketsOf(columns.value, chartWidth.value, pixelRatio.value),
);

/** Null while there is nothing of that kind to draw. */
export const answer = computed(() =>
  state.layerChart.value === 'bands' ? latest(layerBands.value) : latest(layerSeries.value),
);

export const resource = computed(() =>
  state.layerChart.value === 'bands' ? layerBands.value : layerSeries.value,
);

const shown = computed<readonly TrainingUnit[]>(() => {
  const { units } = state.units.value;
  return state.shownUnits.value.flatMap((path) => units.get(path) ?? []);
});

/** By path; a unit that was not asked for before has none yet. */
export const values = computed<ReadonlyMap<string, Row>>(() => {
  const series = answer.value;
  const wanted = state.layerChart.value === 'box' ? 5 : 1;
  const fits = series !== null && (!('depth' in series) || series.depth === wanted);
  const found = new Map<string, Row>();
  if (!fits) return found;
  for (const { path } of shown.value) {
    const row = rowOf(series, path);
    if (row !== null) found.set(path, row);
  }
  return found;
});

/** Of the answer on show, else as chosen. */
const shownStatistic = computed(() => {
  const series = answer.value;
  return series && 'statistic' in series ? series.statistic : state.layerStatistic.value;
});

const base = computed(() => {
  const kind = answer.value?.kind ?? state.shownKind.value;
  return state.horizonBase.value ?? (kind === 'weight' ? 'lowest' : 'zero');
});

function extentFor(row: Row): Extent | null {
  const from = base.value;
  switch (state.layerChart.value) {
    case 'bands':
      return { low: 0, high: 1 };
    case 'box':
      return innerBoxExtent(row);
    case 'line': {
      const inner = innerExtentOf(row);
      return inner && from === 'zero' ? withZero(inner) : inner;
    }
    default:
      return horizonExtent(row, from);
  }
}

/** Of every row, with that of the run beside it, or one for all of them. */
export const extents = computed<ReadonlyMap<string, Extent | null>>(() => {
  const others = otherValues.value;
  const own = new Map(
    [...values.value].map(([path, row]) => {
      const other = others.get(path);
      return [path, joined([extentFor(row), other ? extentFor(other) : null])];
    }),
  );
  if (!state.sameScale.value) return own;
  const all = joined([...own.values()]);
  return new Map([...own.keys()].map((path) => [path, all]));
});

export const horizonFrom = base;

/** Whether values on show may lie on both sides of what they rise from. */
export const isSignedShown = computed(
  () => isSigned(shownStatistic.value) && base.value === 'zero',
);

export const style = computed(() =>
  chartStyle({
    theme: theme.value,
    horizonBands: state.horizonBands.value,
    mirror: state.horizonMirror.value,
    signed: isSignedShown.value,
    ratioBands: shownEdges.value.length + 1,
  }),
);

/** Of the answer on show, else as chosen. */
export const shownEdges = computed<readonly number[]>(
  () => latest(layerBands.value)?.edges ?? state.bandEdges.value,
);

export const top = computed(() => latest(topFilters.value));

/** Filters of a layer that have a line of their own; null shows all as pixels. */
export function topLinesOf(path: string): readonly number[] | null {
  return state.topLayers.value === null ? null : topOf(top.value, path);
}

export const rows = computed<readonly UnitRow[]>(() =>
  layOutRows(
    shown.value,
    (unit) => openedOf(unit, zooms.value.get(unit.path) ?? 1),
    FILTERS_MOST,
    isPaired.value,
  ),
);

/** As high as all filters are without zoom: for files. */
export function unscrolledRows(): readonly UnitRow[] {
  const openedWhole = (unit: TrainingUnit) => openedOf(unit, 1);
  return layOutRows(shown.value, openedWhole, Number.POSITIVE_INFINITY, isPaired.value);
}

function openedOf(unit: TrainingUnit, zoom: number): Opened | null {
  if (!openedPaths.value.has(unit.path)) return null;
  const lines = topLinesOf(unit.path);
  if (lines) return { kind: 'lines', filters: lines.length, zoom };
  const known = latest(filterSeries.value.get(unit.path) ?? { status: 'idle' });
  const filters = known?.filters.length ?? unit.filters;
  return filters > 0 ? { kind: 'pixels', filters, zoom } : null;
}

const openedPaths = computed(() => new Set(state.shownLayers.value));

export const height = computed(() => heightOf(rows.value));

export const items = computed(() => treeItems(state.units.value, state.shownUnits.value));

export const treeLayout = computed(() =>
  layOutTree(state.units.value, items.value, rows.value, height.value),
);

/** Of the layers of the log, from top to bottom; null where nobody knows how they are connected. */
export const graph = computed(() => {
  const tree = state.units.value;
  const known = latest(trainingNetwork.value);
  return (
    known &&
    networkGraph(
      known,
      tree.top.flatMap((path) => layersBelow(tree, path)),
    )
  );
});

export const strip = computed(() =>
  layOutStrip(graph.value, treeLayout.value.layers, treeLayout.value.pitch),
);

/** Among the top filters' layers nothing tells where they lie, so they have their whole paths. */
export const names = computed<ReadonlyMap<string, string>>(() => {
  const top = state.topLayers.value;
  return top
    ? new Map(top.map((path) => [path, path]))
    : rowNames(items.value.map(({ unit }) => unit));
});

/** As in layers.css. */
const NAME_SIZE = 12;
const NAME_EDGE = 10;
const NAME_ICON = 16;

/** The names of rows as their room shows them. */
export const labels = computed<ReadonlyMap<string, string>>(() => {
  const room = GUTTER - LABELS_LEFT - NAME_EDGE - (state.topLayers.value ? 0 : NAME_ICON);
  const full = state.shownUnits.value.map((path) => names.value.get(path) ?? unitName(path));
  const short = shortNames(full, NAME_SIZE, room);
  return new Map(
    state.shownUnits.value.map((path, row) => [path, short.get(full[row] as string) as string]),
  );
});

/** With those of the run beside. */
export const allValues = computed(() => [...values.value, ...otherValues.value]);

/** Whether a chart leaves its row. */
export const isCut = computed(() =>
  allValues.value.some(([path, row]) => {
    const [all, shownOf] = [extentOf(row), extents.value.get(path)];
    return all && shownOf && (all.high > shownOf.high || all.low < shownOf.low);
  }),
);

/** Whether some column is not known. */
export const someGaps = computed(() => allValues.value.some(([, row]) => hasGaps(row)));

/** Whether some column has values that are NaN or infinite. */
export const someNotFinite = computed(() => allValues.value.some(([, row]) => hasNotFinite(row)));

export const findings = computed(() =>
  findingsOf(state.units.value, state.log.value?.findings ?? [], state.shownUnits.value),
);

/** Rows of a unit: its own, that of what it lies in, or those of what lies in it. */
export function rowsOfUnit(path: string): readonly string[] {
  const { units } = state.units.value;
  const lies = (inner: string | null, outer: string): boolean => {
    for (let at = inner; at !== null; at = units.get(at)?.parent ?? null) {
      if (at === outer) return true;
    }
    return false;
  };
  return state.shownUnits.value.filter((row) => lies(row, path) || lies(path, row));
}
