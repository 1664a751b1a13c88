/** How every layer changed from each snapshot to the next, below the snapshots' own marks. */
import type { JSX } from 'preact';
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { fitText } from '../../elements/fit-text';
import { ColorLegend } from '../../elements/Legend';
import { Segments } from '../../elements/Segments';
import { Tooltip } from '../../elements/Tooltip';
import type { Box } from '../../elements/tooltip-place';
import { useRowWindow } from '../../elements/use-row-window';
import { useSize } from '../../elements/use-size';
import { missingColor, sequential } from '../../scales/color';
import { formatCount, formatFraction, formatNumber } from '../../scales/format';
import { dark } from '../../state/environment';
import { metricInfo } from '../../state/metrics';
import { type Axis, a, b, hoveredLayer, layer, metric } from '../../state/selection';
import {
  choosePair,
  TREND_ROW,
  type TrendRows,
  trend,
  trendInSight,
  trendProgress,
  trendRows,
  trendTop,
} from '../../state/trend';
import { GUTTER_LEFT, timeScale } from './geometry';
import { cellBox, paintTrend } from './paint-trend';
import {
  cellsOn,
  cellWords,
  colorRange,
  coverageWords,
  hatchWords,
  measureFor,
  rankingOf,
  rowsOf,
  type TrendCell,
  type TrendMeasure,
  type TrendRow,
  valueWords,
} from './trend-model';

const CHOICES: readonly { readonly value: TrendRows; readonly label: string }[] = [
  { value: 'none', label: 'Hide' },
  { value: 'top', label: 'Most changed' },
  { value: 'all', label: 'All' },
];

/** As in timeline.css. */
const LABEL_SIZE = 11;
const LABEL_EDGES = 20;
/** Of the range of the colours. */
const BELOW_LEAST = 0.15;

interface At {
  readonly row: number;
  readonly cell: number;
}

export interface TrendStripProps {
  readonly axis: Axis;
  readonly domain: readonly [number, number];
}

export function TrendStrip({ axis, domain }: TrendStripProps): JSX.Element | null {
  const known = trend.value;
  const measure = measureFor(metric.value);
  const cells = useMemo(() => cellsOn(axis, known), [axis, known]);
  const most = trendRows.value === 'all' ? Number.POSITIVE_INFINITY : trendTop();
  const selected = layer.value;
  const ranking = useMemo(() => rankingOf(known, measure), [known, measure]);
  const rows = useMemo(
    () => rowsOf(known, ranking, selected, most),
    [known, ranking, selected, most],
  );
  const range = useMemo(() => colorRange(known, measure, rows), [known, measure, rows]);
  if (known === null || cells.length === 0) return null;
  const theme = dark.value ? 'dark' : 'light';
  const info = metricInfo(measure);
  const logs = range && logarithmic(range);
  const hidden = trendRows.value === 'none';
  return (
    <section class="trend" aria-label="Change of every layer from each snapshot to the next">
      <div class="trend-head">
        <span class="trend-title">Change from snapshot to snapshot</span>
        {logs && !hidden && (
          <ColorLegend
            label={info.short}
            unit="log scale"
            domain={logs}
            color={sequential(theme, logs)}
            format={(value) => legendNumber(measure, 10 ** value)}
            missing={hidden ? null : hatchWords(cells, rows, measure)}
            inline
            theme={theme}
          />
        )}
        <Progress />
        <span class="trend-choice">
          <Segments
            label="Rows of layers"
            small
            value={trendRows.value}
            options={CHOICES}
            onChange={(value) => {
              trendRows.value = value;
            }}
          />
        </span>
      </div>
      {!hidden && known.layers.length > 0 && (
        <Rows rows={rows} cells={cells} domain={domain} logs={logs} />
      )}
    </section>
  );
}

function Progress(): JSX.Element | null {
  const progress = trendProgress.value;
  if (progress === null) return null;
  const percent = Math.round((100 * progress.done) / progress.total);
  const done = formatCount(Math.floor(progress.done));
  return (
    <span class="trend-progress muted tabular">
      <span
        class="trend-progress-track"
        role="progressbar"
        aria-label="Comparing each snapshot with the one before it"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
      >
        <i style={{ width: `${percent}%` }} />
      </span>
      {done} of {formatCount(progress.total)} compared
    </span>
  );
}

interface RowsProps {
  readonly rows: readonly TrendRow[];
  readonly cells: readonly TrendCell[];
  readonly domain: readonly [number, number];
  readonly logs: readonly [number, number] | null;
}

function Rows({ rows, cells, domain, logs }: RowsProps): JSX.Element {
  const frame = useRef<HTMLDivElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const measure = measureFor(metric.value);
  const selected = layer.value;
  const width = useSize(frame)?.width ?? 0;
  const window = useRowWindow(box, rows.length, TREND_ROW);
  const x = useMemo(() => timeScale(width, [...domain]), [width, domain]);
  const [pointed, setPointed] = useState<At | null>(null);
  const [current, setCurrent] = useState<At>({ row: 0, cell: cells.length - 1 });
  const [focused, setFocused] = useState(false);
  const theme = dark.value ? 'dark' : 'light';
  const shown = rows.slice(window.first, window.end);
  const at = (place: At): readonly [TrendCell, TrendRow] | null => {
    const [cell, row] = [cells[place.cell], rows[place.row]];
    return cell && row ? [cell, row] : null;
  };
  const held: At = {
    row: limit(current.row, rows.length),
    cell: limit(current.cell, cells.length),
  };

  useLayoutEffect(() => {
    if (canvas.current === null || width === 0) return;
    const style = getComputedStyle(canvas.current);
    paintTrend(canvas.current, shown, cells, measure, x, TREND_ROW, width, {
      scale: sequential(theme, logs ?? [0, 1]),
      missing: missingColor(theme),
      hatch: style.getPropertyValue('--border-strong'),
    });
  });

  const take = (place: At) => {
    const found = at(place);
    if (found) choosePair(found[0].a, found[0].b, found[1].name);
  };
  const placeOf = (event: PointerEvent | MouseEvent): At | null => {
    const around = box.current?.getBoundingClientRect();
    if (!around) return null;
    const below = event.clientY - around.top + (box.current?.scrollTop ?? 0);
    const row = Math.floor(below / TREND_ROW);
    const place = event.clientX - around.left;
    const cell = cells.findIndex((each) => {
      const { left, width: across } = cellBox(each, x);
      return place >= left - 1 && place <= left + across;
    });
    return row >= 0 && row < rows.length && cell >= 0 ? { row, cell } : null;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const next = moved(event.key, held, rows.length, cells.length);
    if (next) {
      setCurrent(next);
      reveal(box.current, next.row);
    } else if (event.key === 'Enter' || event.key === ' ') take(held);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const marked = pointed ?? (focused ? held : null);
  const details = at(marked ?? held);
  const chosen = cells.findIndex((cell) => cell.a.id === a.value && cell.b.id === b.value);
  return (
    <div ref={frame}>
      <div
        ref={box}
        class="trend-rows"
        role="slider"
        tabIndex={0}
        aria-label="Layers by snapshots; arrows move, Enter shows the pair and the layer"
        aria-valuemin={0}
        aria-valuemax={Math.max(0, rows.length * cells.length - 1)}
        aria-valuenow={held.row * cells.length + held.cell}
        aria-valuetext={textOf(at(held), measure)}
        style={{ height: `${Math.min(rows.length, trendInSight()) * TREND_ROW}px` }}
        onKeyDown={onKeyDown}
        onFocus={() => setFocused(box.current?.matches(':focus-visible') ?? false)}
        onBlur={() => setFocused(false)}
        onPointerMove={(event) => {
          const place = placeOf(event);
          setPointed(place);
          hoveredLayer.value = place ? (rows[place.row]?.name ?? null) : null;
        }}
        onPointerLeave={() => {
          setPointed(null);
          hoveredLayer.value = null;
        }}
        onClick={(event) => {
          const place = placeOf(event);
          if (!place) return;
          setCurrent(place);
          take(place);
        }}
      >
        <div class="trend-body" style={{ height: `${rows.length * TREND_ROW}px` }}>
          <canvas
            ref={canvas}
            style={{
              top: `${window.first * TREND_ROW}px`,
              width: `${width}px`,
              height: `${shown.length * TREND_ROW}px`,
            }}
          />
          {shown.map((row, index) => (
            <span
              key={row.name}
              class="trend-label"
              data-selected={row.name === selected ? '' : undefined}
              title={row.name}
              style={{
                top: `${(window.first + index) * TREND_ROW}px`,
                width: `${GUTTER_LEFT - 8}px`,
              }}
            >
              {fitText(row.name, LABEL_SIZE, GUTTER_LEFT - LABEL_EDGES)}
            </span>
          ))}
          {chosen >= 0 && (
            <Outline name="trend-chosen" cell={cells[chosen]} x={x} rows={rows.length} />
          )}
          {marked && <Outline name="trend-mark" cell={cells[marked.cell]} x={x} row={marked.row} />}
        </div>
        {details && (pointed || focused) && (
          <Tooltip side="below" anchor={anchorOf(box.current, details[0], x)}>
            <Card cell={details[0]} row={details[1]} />
          </Tooltip>
        )}
      </div>
    </div>
  );
}

function Outline(props: {
  readonly name: string;
  readonly cell: TrendCell | undefined;
  readonly x: (place: number) => number;
  readonly row?: number;
  readonly rows?: number;
}): JSX.Element | null {
  const { name, cell, x, row = 0, rows = 1 } = props;
  if (!cell) return null;
  const { left, width } = cellBox(cell, x);
  const style = {
    left: `${left - 1}px`,
    top: `${row * TREND_ROW - 1}px`,
    width: `${width + 2}px`,
    height: `${rows * TREND_ROW + 1}px`,
  };
  return <div class={name} style={style} />;
}

function Card({ cell, row }: { readonly cell: TrendCell; readonly row: TrendRow }): JSX.Element {
  const measures = cell.pair.state === 'done' ? (['l2', 'relative_l2'] as const) : [];
  const coverage = coverageWords(cell.pair);
  const gone = [cell.a, cell.b].filter((snapshot) => snapshot.gone);
  return (
    <div class="timeline-card">
      <strong>{row.name}</strong>
      <div class="muted">
        {cell.a.label} → {cell.b.label}
      </div>
      {measures.length > 0 ? (
        <dl class="tabular">
          {measures.map((measure) => (
            <div key={measure}>
              <dt>{metricInfo(measure).short}</dt>
              <dd>{valueWords(cell, row, measure)}</dd>
            </div>
          ))}
        </dl>
      ) : (
        <div>{valueWords(cell, row, 'l2')}</div>
      )}
      {coverage && <div class="muted">{coverage}</div>}
      {gone.length > 0 && (
        <div class="muted">
          {gone.map(({ label }) => label).join(' and ')} {gone.length === 1 ? 'was' : 'were'}{' '}
          deleted
        </div>
      )}
    </div>
  );
}

function textOf(found: readonly [TrendCell, TrendRow] | null, measure: TrendMeasure): string {
  return found ? cellWords(found[0], found[1], measure) : 'nothing compared yet';
}

/** Begins below the least value, whose cell would have the colour of the panel behind it. */
function logarithmic([low, high]: readonly [number, number]): readonly [number, number] {
  const [from, to] = [Math.log10(low), Math.log10(high)];
  return [from - BELOW_LEAST * (to - from), to];
}

function legendNumber(measure: TrendMeasure, value: number): string {
  return measure === 'relative_l2' ? formatFraction(value, 2) : formatNumber(value, 2);
}

function moved(key: string, { row, cell }: At, rows: number, cells: number): At | null {
  const to = {
    ArrowLeft: { row, cell: cell - 1 },
    ArrowRight: { row, cell: cell + 1 },
    ArrowUp: { row: row - 1, cell },
    ArrowDown: { row: row + 1, cell },
    Home: { row, cell: 0 },
    End: { row, cell: cells - 1 },
    PageUp: { row: row - trendTop(), cell },
    PageDown: { row: row + trendTop(), cell },
  }[key];
  return to ? { row: limit(to.row, rows), cell: limit(to.cell, cells) } : null;
}

function limit(value: number, count: number): number {
  return Math.max(0, Math.min(count - 1, value));
}

function reveal(box: HTMLElement | null, row: number): void {
  if (!box) return;
  const top = row * TREND_ROW;
  if (top < box.scrollTop) box.scrollTop = top;
  const bottom = top + TREND_ROW - box.clientHeight;
  if (bottom > box.scrollTop) box.scrollTop = bottom;
}

/** The cell's column over all rows in sight: the card lies beside the rows, not on them. */
function anchorOf(
  box: HTMLElement | null,
  cell: TrendCell,
  x: (place: number) => number,
): Box | null {
  const frame = box?.getBoundingClientRect();
  if (!frame) return null;
  const { left, width } = cellBox(cell, x);
  return { x: frame.left + left, y: frame.top, width, height: frame.height };
}
