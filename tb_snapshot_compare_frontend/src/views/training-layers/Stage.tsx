/** The rows: tree and names in the gutter, charts on the time axis. */
import { Fragment, type JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { WhichRun } from '../../elements/RunMark';
import { useSight } from '../../elements/use-sight';
import { useSize } from '../../elements/use-size';
import { GUTTER, MARGIN } from '../../scales/steps';
import { hoveredStep, hoveredUnit } from '../../state/training';
import { ChartKeys } from './ChartKeys';
import { openRow, pressRow, setOpen } from './choosing';
import { FilterBlockView } from './FilterBlockView';
import { HoverCard } from './HoverCard';
import * as model from './model';
import { OtherChart } from './OtherChart';
import { dumpAt, dumpsOf } from './other';
import { RowChart } from './RowChart';
import { chartsHeight, ROW_GAP, rowAt, rowsWithin, type UnitRow } from './rows';
import { TreeDrawing, TreeHighlight } from './TreeDrawing';
import { TreeLabels } from './TreeLabels';
import { showRow, useWantedRow } from './use-wanted-row';

export function Stage(): JSX.Element {
  const stage = useRef<HTMLDivElement>(null);
  const size = useSize(stage);
  const sight = useSight(stage);
  const width = size?.width ?? 0;
  useLayoutEffect(() => {
    model.chartWidth.value = Math.max(0, width - GUTTER - MARGIN);
    model.pixelRatio.value = window.devicePixelRatio || 1;
  }, [width]);
  useWantedRow(stage);
  const inSight = rowsWithin(model.rows.value, sight.top, sight.bottom);

  /** What the pointer is at: a row, and a run's dump where it is over a chart. */
  const placeOf = (event: PointerEvent | MouseEvent) => {
    const frame = stage.current?.getBoundingClientRect();
    if (!frame) return null;
    const [x, y] = [event.clientX - frame.left - GUTTER, event.clientY - frame.top];
    const row = model.rows.value[rowAt(model.rows.value, y)];
    if (!row) return null;
    const charted = x >= 0 && x < model.chartWidth.value && y < row.top + chartsHeight(row);
    const at = charted ? pointedAt(row, y, model.scale.value.invert(x)) : null;
    const step = at && (dumpsOf(at.run)[at.dump] ?? null);
    return { path: row.unit.path, at, step };
  };
  const onPointerMove = (event: PointerEvent): void => {
    if (closest(event, '[data-filters]')) return;
    const marked = closest(event, '[data-unit]')?.dataset.unit;
    const place = placeOf(event);
    hoveredUnit.value = marked ?? place?.path ?? null;
    const charted = marked === undefined ? place : null;
    hoveredStep.value = charted?.step ?? null;
    model.pointed.value = charted?.at ?? null;
  };
  const clear = (): void => {
    hoveredUnit.value = null;
    hoveredStep.value = null;
    model.pointed.value = null;
  };
  const onClick = (event: MouseEvent): void => {
    if (closest(event, '[data-filters], button')) return;
    const marked = closest(event, '[data-unit]');
    if (marked) {
      pressUnit(marked.dataset);
      if (stage.current && marked.dataset.unit) showRow(stage.current, marked.dataset.unit);
      return;
    }
    const place = placeOf(event);
    if (place && place.step !== null) pressRow(place.path, place.step);
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the tree and the charts have their keys
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree and the charts have their keys
    <div
      ref={stage}
      class="layers-stage"
      style={{ height: `${model.height.value}px` }}
      onPointerMove={onPointerMove}
      onPointerLeave={clear}
      onClick={onClick}
    >
      {width > 0 && (
        <>
          <ChartKeys />
          <RowMarks />
          <TreeDrawing />
          <TreeHighlight />
          <TreeLabels sight={sight} />
          {inSight.map((row) => (
            <div key={row.unit.path}>
              <i class="layers-rule" style={{ top: `${row.top + chartsHeight(row) - 1}px` }} />
              <RowChart unit={row.unit} top={row.top} run="own" />
              {row.other !== null && <OtherChart unit={row.unit} top={row.other} />}
              {row.filters && <FilterBlockView path={row.unit.path} block={row.filters} />}
            </div>
          ))}
        </>
      )}
      <HoverCard stage={stage} />
    </div>
  );
}

type PointedRow = Extract<model.Pointed, { readonly kind: 'row' }>;

/** The run whose chart lies there; where it has no dump at the step, the other one. */
function pointedAt(row: UnitRow, y: number, step: number): PointedRow | null {
  const lower = row.other !== null && y >= row.other;
  const runs: readonly WhichRun[] = lower ? ['other', 'own'] : ['own', 'other'];
  for (const run of runs) {
    const dump = dumpAt(run, step);
    if (dump !== null) return { kind: 'row', path: row.unit.path, run, dump };
  }
  return null;
}

/** A name opens what is below its row; a bar opens and closes its unit. */
function pressUnit({ unit, bar }: DOMStringMap): void {
  if (unit === undefined) return;
  if (bar === 'open') setOpen(unit, false);
  else if (bar === 'closed') setOpen(unit, true);
  else openRow(unit);
  model.treePath.value = unit;
}

function closest(event: Event, selector: string): HTMLElement | null {
  return event.target instanceof Element ? event.target.closest<HTMLElement>(selector) : null;
}

/** The rows of the unit under the pointer, on both sides. */
function RowMarks(): JSX.Element {
  const path = hoveredUnit.value;
  const hit = new Set(path === null ? [] : model.rowsOfUnit(path));
  return (
    <>
      {model.rows.value
        .filter(({ unit }) => hit.has(unit.path))
        .map((row) => {
          const [top, tall] = [`${row.top}px`, chartsHeight(row)];
          return (
            <Fragment key={row.unit.path}>
              <i class="layers-row-hit" style={{ top, height: `${tall - 1}px` }} />
              <i class="layers-row-frame" style={{ top, height: `${tall - ROW_GAP}px` }} />
            </Fragment>
          );
        })}
    </>
  );
}
