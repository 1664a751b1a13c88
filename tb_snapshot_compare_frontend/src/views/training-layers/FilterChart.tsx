/** The filters of a layer over dumps, a pixel row or more for each. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { FilterSeries } from '../../client/types';
import { axisKey, isCommand } from '../../elements/axis-keys';
import { sequentialTable } from '../../scales/color';
import { MARGIN } from '../../scales/steps';
import { latest } from '../../state/resources';
import { dumps, filterScale, hoveredStep, hoveredUnit, readLayer } from '../../state/training';
import { filterNorms } from '../../state/training-data';
import { columnAt } from '../../state/training-pair';
import { goTo } from '../../state/training-zoom';
import { prepare } from './canvas';
import { type Cell, movedCell } from './cells';
import { chosenOf, pressFilter, setZoom } from './choosing';
import { shadingOf } from './filter-scale';
import { cellWords, readFilter } from './filter-words';
import * as model from './model';
import { filterPixels, putPixels } from './paint-filters';
import { type FilterBlock, ZOOM_STEP } from './rows';

/** From this height of a filter on, lines are drawn between them. */
const GRID_FROM = 6;
/** Between the lines of single filters. */
const LINE_GAP = 2;

export interface FilterChartProps {
  readonly path: string;
  readonly series: FilterSeries;
  readonly block: FilterBlock;
  /** Places in the series, top to bottom. */
  readonly lines: readonly number[];
  readonly stale: boolean;
}

export function FilterChart(props: FilterChartProps): JSX.Element {
  const { path, series, block, lines, stale } = props;
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const scrolled = useSignal(0);
  const cursor = useSignal<Cell>({ line: 0, dump: dumps.value.length - 1 });
  const width = model.chartWidth.value;
  const ratio = model.pixelRatio.value;
  const [theme, buckets] = [model.theme.value, model.buckets.value];
  const scale = filterScale.value;
  const shading = useMemo(() => shadingOf(series, scale), [series, scale]);
  const top = scrolled.value;
  const held: Cell = {
    line: Math.min(cursor.value.line, Math.max(0, lines.length - 1)),
    dump: Math.min(cursor.value.dump, dumps.value.length - 1),
  };

  useLayoutEffect(() => {
    const context = canvas.current && prepare(canvas.current, width, block.chart, ratio);
    if (!context || context.canvas.width === 0 || context.canvas.height === 0) return;
    const { missing, hatch } = model.style.value;
    const frame = {
      width: context.canvas.width,
      height: context.canvas.height,
      top: top * ratio,
      row: block.line * ratio,
      grid: block.kind === 'pixels' && block.line > GRID_FROM,
      gap: block.kind === 'lines' ? Math.round(LINE_GAP * ratio) : 0,
    };
    const colors = { table: sequentialTable(theme), missing, grid: hatch };
    putPixels(context, filterPixels(shading, lines, buckets, frame, colors));
  }, [shading, lines, buckets, theme, top, width, ratio, block.line, block.chart, block.kind]);

  const cellAt = (event: PointerEvent | MouseEvent): Cell | null => {
    const frame = box.current?.getBoundingClientRect();
    if (!frame || event.clientX >= frame.left + width) return null;
    const line = Math.floor((event.clientY - frame.top + top) / block.line);
    const dump = columnAt(dumps.value, model.scale.value.invert(event.clientX - frame.left));
    return line < lines.length && dump >= 0 ? { line, dump } : null;
  };
  const point = (cell: Cell | null): void => {
    const frame = box.current?.getBoundingClientRect();
    const filter = cell && series.filters[lines[cell.line] ?? -1];
    if (!cell || !frame || filter === undefined || filter === null) {
      model.pointed.value = null;
      return;
    }
    const step = dumps.value[cell.dump] ?? null;
    hoveredStep.value = step;
    hoveredUnit.value = path;
    readLayer.value = path;
    model.pointed.value = {
      kind: 'filter',
      path,
      dump: cell.dump,
      filter,
      x: frame.left + model.scale.value.x(step ?? 0),
      y: frame.top + cell.line * block.line - (box.current?.scrollTop ?? 0),
    };
  };
  const press = (cell: Cell | null): void => {
    const filter = cell && series.filters[lines[cell.line] ?? -1];
    if (cell && filter !== undefined && filter !== null) pressFilter(path, filter, cell.dump);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (isCommand(event)) return;
    const next = event.shiftKey
      ? null
      : movedCell(event.key, held, lines.length, dumps.value.length);
    if (next) {
      cursor.value = next;
      goTo(dumps.value[next.dump] ?? 0);
      reveal(box.current, next.line, block);
      point(next);
    } else if (event.key === 'Enter' || event.key === ' ') press(held);
    else if (event.key === '+' || event.key === '=') zoomBy(path, ZOOM_STEP);
    else if (event.key === '-') zoomBy(path, -ZOOM_STEP);
    else {
      axisKey(event);
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  const reading = readFilter(series, lines[held.line] ?? 0, held.dump, norms(path));
  return (
    <div
      ref={box}
      class="layers-filters"
      data-filters={path}
      data-stale={stale ? '' : undefined}
      role="slider"
      tabIndex={0}
      aria-label={`Filters of ${path} over steps; arrows move, Enter pins or selects, + and − zoom`}
      aria-valuemin={0}
      aria-valuemax={Math.max(0, lines.length * dumps.value.length - 1)}
      aria-valuenow={held.line * dumps.value.length + held.dump}
      aria-valuetext={cellWords(reading, dumps.value[held.dump])}
      style={{
        top: `${block.top}px`,
        width: `${width + MARGIN}px`,
        height: `${block.chart}px`,
      }}
      onScroll={(event) => {
        scrolled.value = event.currentTarget.scrollTop;
      }}
      onKeyDown={onKeyDown}
      onFocus={() => box.current?.matches(':focus-visible') && point(held)}
      onBlur={() => point(null)}
      onPointerMove={(event) => {
        const cell = cellAt(event);
        if (cell === null) hoveredStep.value = null;
        point(cell);
      }}
      onPointerLeave={() => point(null)}
      onClick={(event) => {
        const cell = cellAt(event);
        if (cell) cursor.value = cell;
        press(cell);
      }}
    >
      <div class="layers-filters-body" style={{ height: `${lines.length * block.line}px` }}>
        <canvas ref={canvas} style={{ width: `${width}px`, height: `${block.chart}px` }} />
        {linesOf(series, lines, chosenOf(path)).map((line) => (
          <i
            key={line}
            class="layers-chosen"
            style={{
              top: `${line * block.line}px`,
              width: `${width}px`,
              height: `${Math.max(2, block.line - (block.kind === 'lines' ? LINE_GAP : 0))}px`,
            }}
          />
        ))}
      </div>
    </div>
  );
}

/** Where filters lie among the lines. */
function linesOf(
  series: FilterSeries,
  lines: readonly number[],
  filters: readonly number[],
): readonly number[] {
  return filters
    .map((filter) => lines.indexOf(series.filters.indexOf(filter)))
    .filter((line) => line >= 0);
}

function norms(path: string): FilterSeries | null {
  return latest(filterNorms.value.get(path) ?? { status: 'idle' });
}

function zoomBy(path: string, change: number): void {
  setZoom(path, (model.zooms.peek().get(path) ?? 1) + change);
}

function reveal(box: HTMLElement | null, line: number, block: FilterBlock): void {
  if (!box) return;
  const top = line * block.line;
  if (top < box.scrollTop) box.scrollTop = top;
  const least = top + block.line - block.chart;
  if (least > box.scrollTop) box.scrollTop = least;
}
