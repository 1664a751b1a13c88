/** The rows' charts of two runs as lines of their own, and the same step in both. */
import { computed } from '@preact/signals';
import type { WhichRun } from '../../elements/RunMark';
import { columnsOf } from '../../scales/steps';
import { dumps } from '../../state/training';
import { columnAt } from '../../state/training-pair';
import { bucketsOf } from './buckets';
import type { Cell } from './cells';
import * as model from './model';
import { otherDumps, otherValues } from './other-values';
import type { UnitRow } from './rows';
import type { Row } from './series';

/** Dumps of the other run in sight, in CSS pixels. */
export const otherColumns = computed(() => columnsOf(otherDumps.value, model.scale.value));

export const otherBuckets = computed(() =>
  bucketsOf(otherColumns.value, model.chartWidth.value, model.pixelRatio.value),
);

/** A chart of a row. */
export interface ChartLine {
  readonly row: UnitRow;
  readonly run: WhichRun;
  readonly top: number;
}

/** All charts, top to bottom. */
export const chartLines = computed<readonly ChartLine[]>(() =>
  model.rows.value.flatMap((row): ChartLine[] => {
    const own: ChartLine = { row, run: 'own', top: row.top };
    return row.other === null ? [own] : [own, { row, run: 'other', top: row.other }];
  }),
);

export function dumpsOf(run: WhichRun): readonly number[] {
  return run === 'own' ? dumps.value : otherDumps.value;
}

export function valuesOf(run: WhichRun, path: string): Row | null {
  return (run === 'own' ? model.values : otherValues).value.get(path) ?? null;
}

/** The dump of a run whose column a step falls into; null beside its columns. */
export function dumpAt(run: WhichRun, step: number): number | null {
  const dump = columnAt(dumpsOf(run), step);
  return dump < 0 ? null : dump;
}

/** From a cell of one line to one of another: at the same step, as near as there is a dump. */
export function cellOnLine(lines: readonly ChartLine[], from: Cell, line: number): Cell {
  const [before, after] = [lines[from.line], lines[line]];
  if (!before || !after || before.run === after.run) return { line, dump: from.dump };
  const step = dumpsOf(before.run)[from.dump] ?? 0;
  const known = dumpsOf(after.run);
  const place = columnAt(known, step);
  const edge = step < (known[0] ?? 0) ? 0 : known.length - 1;
  return { line, dump: Math.max(0, place < 0 ? edge : place) };
}
