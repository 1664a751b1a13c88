import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { axisKey, isCommand } from '../../elements/axis-keys';
import { stepWords } from '../../elements/axis-words';
import {
  hoveredStep,
  hoveredUnit,
  layerChart,
  layerStatistic,
  shownKind,
} from '../../state/training';
import { otherTitle } from '../../state/training-pair';
import { goTo } from '../../state/training-zoom';
import { type Cell, movedCell } from './cells';
import { pressRow } from './choosing';
import * as model from './model';
import { unitName } from './names';
import {
  type ChartLine,
  cellOnLine,
  chartLines,
  dumpAt,
  dumpsOf,
  otherColumns,
  valuesOf,
} from './other';
import type { Row } from './series';
import { notFiniteWords, quantityOf, readingsAt } from './words';

/** Takes the focus for all small multiples: arrows move over rows and dumps. */
export function ChartKeys(): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const mark = useRef<HTMLElement>(null);
  const moved = useRef(false);
  const cursor = useSignal<Cell | null>(null);
  const lines = chartLines.value;
  const line = Math.min(cursor.value?.line ?? 0, Math.max(0, lines.length - 1));
  const run = lines[line]?.run ?? 'own';
  const dumps = dumpsOf(run);
  const last = dumps.length - 1;
  const columns = run === 'own' ? model.columns.value : otherColumns.value;
  const held: Cell = {
    line,
    dump: Math.min(last, cursor.value?.dump ?? columns.at(-1)?.index ?? last),
  };
  const point = (cell: Cell | null): void => {
    const at = cell && lines[cell.line];
    hoveredUnit.value = at?.row.unit.path ?? null;
    hoveredStep.value = at ? (dumpsOf(at.run)[cell.dump] ?? null) : null;
    model.pointed.value = at
      ? { kind: 'row', path: at.row.unit.path, run: at.run, dump: cell.dump }
      : null;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (isCommand(event)) return;
    const to = event.shiftKey ? null : movedCell(event.key, held, lines.length, dumps.length);
    const at = lines[held.line];
    if (to && at) {
      const next = to.line === held.line ? to : cellOnLine(lines, held, to.line);
      cursor.value = next;
      moved.current = true;
      goTo(dumpsOf(lines[next.line]?.run ?? 'own')[next.dump] ?? 0);
      point(next);
    } else if ((event.key === 'Enter' || event.key === ' ') && at) {
      pressRow(at.row.unit.path, dumps[held.dump] ?? 0);
    } else {
      axisKey(event);
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  useLayoutEffect(() => {
    if (moved.current) mark.current?.scrollIntoView({ block: 'nearest' });
    moved.current = false;
  });
  return (
    <div
      ref={box}
      class="layers-keys"
      role="slider"
      tabIndex={0}
      aria-label="Charts of units over steps; arrows move, Enter pins or opens"
      aria-valuemin={0}
      aria-valuemax={Math.max(0, lines.length * dumps.length - 1)}
      aria-valuenow={held.line * dumps.length + held.dump}
      aria-valuetext={spoken(lines[held.line], held.dump)}
      onKeyDown={onKeyDown}
      onFocus={() => box.current?.matches(':focus-visible') && point(held)}
      onBlur={() => point(null)}
    >
      <i ref={mark} class="layers-cursor" style={{ top: `${lines[held.line]?.top ?? 0}px` }} />
    </div>
  );
}

/** The value of a chart, and that of the same row in the other run. */
function spoken(line: ChartLine | undefined, dump: number): string {
  const step = line && dumpsOf(line.run)[dump];
  if (line === undefined || step === undefined) return 'no dump';
  const { path } = line.row.unit;
  const of = line.run === 'own' ? '' : ` in ${otherTitle.value}`;
  return [
    `${unitName(path)}${of}, ${stepWords(step)}: ${valueWords(line, dump)}`,
    ...(line.run === 'own' && line.row.other !== null ? [otherWords(path, step)] : []),
  ].join('; ');
}

function otherWords(path: string, step: number): string {
  const dump = dumpAt('other', step);
  const row = valuesOf('other', path);
  return `${otherTitle.value} ${dump !== null && row ? readWords(row, dump) : 'has none'}`;
}

function valueWords({ run, row: { unit } }: ChartLine, dump: number): string {
  const row = valuesOf(run, unit.path);
  return row ? readWords(row, dump) : run === 'own' ? 'not read yet' : 'not there';
}

function readWords(row: Row, dump: number): string {
  const kind = shownKind.value;
  const [chart, statistic] = [layerChart.value, layerStatistic.value];
  const label = kind ? quantityOf(chart, kind, statistic) : '';
  const readings = readingsAt(chart, row, dump, label, model.shownEdges.value).map(
    (reading) => `${reading.label} ${reading.value}`,
  );
  const problem = kind && notFiniteWords(row, dump, { chart, kind, statistic });
  return [...readings, ...(problem ? [problem] : [])].join(', ');
}
