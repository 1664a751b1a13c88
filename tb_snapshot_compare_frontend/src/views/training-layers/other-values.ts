/** What the run beside the one on show has of the rows. */
import { computed } from '@preact/signals';
import { latest } from '../../state/resources';
import * as state from '../../state/training';
import { otherBands, otherSeries } from '../../state/training-other';
import { shortTitles } from '../../state/training-pair';
import { unitName } from './names';
import { hasValues, type Row, rowOf } from './series';

/** Whether every row has a second chart. */
export const isPaired = computed(() => state.otherLog.value !== null);

export const otherDumps = computed<readonly number[]>(() => state.otherLog.value?.dumps ?? []);

export const otherResource = computed(() =>
  state.layerChart.value === 'bands' ? otherBands.value : otherSeries.value,
);

const answer = computed(() =>
  state.layerChart.value === 'bands' ? latest(otherBands.value) : latest(otherSeries.value),
);

/** What a series has to be of. */
const statistic = computed(() =>
  state.layerChart.value === 'box' ? 'quartiles' : state.layerStatistic.value,
);

/** By path; only of what is on show, in the unit that the charts have. */
export const otherValues = computed<ReadonlyMap<string, Row>>(() => {
  const series = answer.value;
  const found = new Map<string, Row>();
  if (series === null || series.kind !== state.shownKind.value || !isPaired.value) return found;
  if ('statistic' in series && series.statistic !== statistic.value) return found;
  for (const path of state.shownUnits.value) {
    const row = rowOf(series, path);
    if (row !== null) found.set(path, row);
  }
  return found;
});

export type OtherState = 'drawn' | 'reading' | 'failed' | 'not there' | 'not recorded';

/** Why there may be nothing to draw of a unit. */
export function otherStateOf(path: string): OtherState {
  if (!state.otherUnits.value.has(path)) return 'not there';
  const kind = state.shownKind.value;
  const log = state.otherLog.value;
  if (kind === null || !log?.kinds.includes(kind) || log.dumps.length === 0) return 'not recorded';
  const row = otherValues.value.get(path);
  if (row) return hasValues(row) ? 'drawn' : 'not recorded';
  return otherResource.value.status === 'failed' ? 'failed' : 'reading';
}

/** What stands in the place of a chart. */
export function absenceWords(path: string): string {
  const known = otherStateOf(path);
  if (known === 'not there')
    return `not in ${shortTitles.value.other}: it has no ${unitName(path)}`;
  if (known === 'not recorded') return `not recorded in ${shortTitles.value.other}`;
  return known === 'failed' ? 'could not be read' : '';
}
