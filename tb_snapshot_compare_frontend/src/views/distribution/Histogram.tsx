import type { JSX, RefObject } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { AreaDistribution, Distribution } from '../../client/types';
import { Tooltip } from '../../elements/Tooltip';
import type { Box } from '../../elements/tooltip-place';
import { useSize } from '../../elements/use-size';
import { formatFraction } from '../../scales/format';
import { type Cell, cells, hiddenLevels } from '../../state/selection';
import { AreaOutline, scaledBars } from './AreaOutline';
import { ChangeAxis, CountAxis } from './Axes';
import { cellsOfBins, clicked, existing, includes, united } from './cells';
import { firstStop, moved, nearestStop } from './cursor';
import {
  barRect,
  binAt,
  type CountScaleKind,
  cellAt,
  highestBar,
  niceTop,
  type Plot,
  type Stack,
  segmentRect,
} from './geometry';
import { Bars, BinBand, BrushBand, Cursor, Selected } from './Marks';
import { useTween } from './use-tween';
import { readout, spoken, subject, weights } from './words';

const MARGIN = { left: 52, top: 28, right: 16, bottom: 46 };
const SMALLEST = { width: 160, height: 140 };
export interface HistogramProps {
  readonly distribution: Distribution;
  readonly colors: readonly string[];
  readonly kind: CountScaleKind;
  /** False while newer data are on their way: what is seen cannot be selected. */
  readonly interactive: boolean;
  readonly drawing: RefObject<SVGSVGElement | null>;
  /** The brushed area's distribution in the same bins and levels. */
  readonly area: AreaDistribution | null;
}

/** The stacked bars with pointer, brush and keyboard; draws one path per level. */
export function Histogram(props: HistogramProps): JSX.Element {
  const { distribution, colors, kind, interactive, drawing, area } = props;
  const box = useRef<HTMLDivElement>(null);
  const size = useSize(box);
  const hidden = hiddenLevels.value;
  const grid = { counts: distribution.counts, hidden };
  const chosen = cells.value;
  const selected = useMemo(() => existing(chosen, distribution.counts), [chosen, distribution]);
  const [pointed, setPointed] = useState<Cell | null>(null);
  const [cursor, setCursor] = useState<Cell | null>(null);
  const [preferred, setPreferred] = useState(0);
  const [brush, setBrush] = useState<readonly [number, number] | null>(null);
  const [said, setSaid] = useState('');
  const anchorBin = useRef<number | null>(null);
  /** Whether the click that is to come belongs to a brush. */
  const brushed = useRef(false);
  const bars = useMemo(
    () => (area ? scaledBars(area, distribution, hidden) : null),
    [area, distribution, hidden],
  );
  const stack = useStack(distribution, kind, size ?? SMALLEST, bars);

  useEffect(() => {
    setPointed(null);
    setBrush(null);
    setCursor((cell) => (cell === null ? null : nearestStop(grid, cell)));
  }, [distribution, hidden]);

  const choose = (next: readonly Cell[]): void => {
    if (interactive) cells.value = next;
  };
  const place = (event: PointerEvent | MouseEvent): readonly [number, number] => {
    const { left, top } = (drawing.current as SVGSVGElement).getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };
  const onAxis = (y: number) => y > stack.plot.bottom;

  const onPointerMove = (event: PointerEvent): void => {
    const [x, y] = place(event);
    if (brush !== null) setBrush([brush[0], binAt(stack, x)]);
    else setPointed(interactive ? cellAt(stack, x, y) : null);
  };
  const onPointerDown = (event: PointerEvent): void => {
    const [x, y] = place(event);
    brushed.current = false;
    if (event.button !== 0 || !interactive || !onAxis(y)) return;
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    setPointed(null);
    setBrush([binAt(stack, x), binAt(stack, x)]);
  };
  const onPointerUp = (event: PointerEvent): void => {
    if (brush === null) return;
    brushed.current = true;
    const bins = cellsOfBins(distribution.counts, hidden, ...brush);
    choose(event.shiftKey ? united(selected, bins) : bins);
    setBrush(null);
  };
  const onClick = (event: MouseEvent): void => {
    if (brushed.current) return;
    const [x, y] = place(event);
    const cell = onAxis(y) ? null : cellAt(stack, x, y);
    if (cell === null) return;
    choose(clicked(selected, cell, event.shiftKey));
    setCursor(cell);
    setPreferred(cell.level);
  };

  const goTo = (cell: Cell): void => {
    setCursor(cell);
    setSaid(spoken(distribution, cell, includes(selected, cell)));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Escape') {
      if (brush !== null) setBrush(null);
      else if (selected.length > 0) {
        choose([]);
        setSaid('Selection cleared');
      } else return;
    } else if (cursor === null || !interactive) return;
    else if (event.key === 'Enter' || event.key === ' ') {
      const next = clicked(selected, cursor, event.shiftKey);
      choose(next);
      setSaid(spoken(distribution, cursor, includes(next, cursor)));
    } else {
      const next = moved(grid, cursor, event.key, preferred);
      if (next === null) return;
      if (event.key === 'ArrowUp' || event.key === 'ArrowDown') setPreferred(next.level);
      if (event.shiftKey && next.bin !== cursor.bin) {
        anchorBin.current ??= cursor.bin;
        choose(cellsOfBins(distribution.counts, hidden, anchorBin.current, next.bin));
      }
      goTo(next);
    }
    if (!event.shiftKey) anchorBin.current = null;
    event.preventDefault();
    event.stopPropagation();
  };
  const onFocus = (): void => {
    if (box.current?.matches(':focus-visible') !== true) return;
    const start = cursor ?? selected[0] ?? firstStop(grid);
    const stop = start === null ? null : nearestStop(grid, start);
    if (stop === null) return;
    setPreferred(stop.level);
    goTo(stop);
  };

  const read = pointed ?? cursor;
  // The same nodes while only the pointer moves: nothing of them is compared or drawn again.
  const drawnBars = useMemo(
    () => <Bars stack={stack} colors={colors} selected={selected} />,
    [stack, colors, selected],
  );
  const countAxis = useMemo(() => <CountAxis stack={stack} />, [stack]);
  const changeAxis = useMemo(() => <ChangeAxis stack={stack} />, [stack]);
  const outlines = useMemo(() => <Selected stack={stack} selected={selected} />, [stack, selected]);
  return (
    <div
      ref={box}
      class="histogram"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the one tab stop of an interactive chart
      tabIndex={0}
      role="application"
      aria-roledescription="stacked histogram"
      aria-label={`Difference distribution of ${subject(distribution)}`}
      aria-description="Arrow keys move over bins and levels, Enter selects, Shift with Enter adds, Shift with left or right selects whole bins, Escape clears."
      onFocus={onFocus}
      onBlur={() => setCursor(null)}
      onKeyDown={onKeyDown}
      onPointerMove={onPointerMove}
      onPointerDown={onPointerDown}
      onPointerUp={onPointerUp}
      onPointerCancel={() => setBrush(null)}
      onPointerLeave={() => setPointed(null)}
      onClick={onClick}
    >
      {size !== null && (
        <svg
          ref={drawing}
          class="histogram-drawing"
          width={Math.max(size.width, SMALLEST.width)}
          height={Math.max(size.height, SMALLEST.height)}
          aria-hidden="true"
          focusable="false"
        >
          {countAxis}
          {read !== null && <BinBand stack={stack} bin={read.bin} />}
          {brush !== null && <BrushBand stack={stack} brush={brush} />}
          {drawnBars}
          {bars && <AreaOutline stack={stack} bars={bars} />}
          {changeAxis}
          {outlines}
          {read !== null && <Cursor stack={stack} cell={read} focused={pointed === null} />}
          <rect
            class="brush-handle"
            data-export="skip"
            x={stack.plot.left}
            y={stack.plot.bottom}
            width={stack.plot.right - stack.plot.left}
            height={MARGIN.bottom}
          >
            <title>Drag to select whole bins</title>
          </rect>
        </svg>
      )}
      <div class="visually-hidden" aria-live="polite">
        {said}
      </div>
      <Tooltip anchor={read === null ? null : anchorOf(read, stack, drawing.current)}>
        {read !== null && (
          <CellReadout distribution={distribution} cell={read} colors={colors} area={area} />
        )}
      </Tooltip>
    </div>
  );
}

function useStack(
  distribution: Distribution,
  kind: CountScaleKind,
  size: { readonly width: number; readonly height: number },
  others: readonly number[] | null,
): Stack {
  const { bin_edges: edges, level_edges, counts } = distribution;
  const hidden = hiddenLevels.value;
  const width = Math.max(size.width, SMALLEST.width);
  const height = Math.max(size.height, SMALLEST.height);
  const [shown, target] = useMemo(() => {
    const levels = level_edges.length - 1;
    const weightOf = Array.from({ length: levels }, (_, level) => (hidden.includes(level) ? 0 : 1));
    const highest = Math.max(highestBar(counts, weightOf), ...(others ?? []));
    return [weightOf, niceTop(kind, highest)] as const;
  }, [counts, level_edges, hidden, kind, others]);
  const tweened = useTween([target, ...shown], `${kind} ${edges.join()}`);
  return useMemo(() => {
    const plot: Plot = {
      left: MARGIN.left,
      top: MARGIN.top,
      right: width - MARGIN.right,
      bottom: height - MARGIN.bottom,
    };
    const [top = 1, ...levelWeights] = tweened;
    return { edges, counts, weights: levelWeights, kind, top, plot };
  }, [edges, counts, tweened, kind, width, height]);
}

interface CellReadoutProps {
  readonly distribution: Distribution;
  readonly cell: Cell;
  readonly colors: readonly string[];
  readonly area: AreaDistribution | null;
}

function CellReadout({ distribution, cell, colors, area }: CellReadoutProps): JSX.Element {
  const { count, change, relativeChange, shareOfBar, shareOfAll } = readout(distribution, cell);
  return (
    <div class="cell-readout">
      <strong>
        <i style={{ background: colors[cell.level] ?? '' }} />
        {weights(count)}
      </strong>
      <dl>
        <dt>Change</dt>
        <dd>{change}</dd>
        <dt>Relative change</dt>
        <dd>{relativeChange}</dd>
        <dt>Of its bar</dt>
        <dd>{formatFraction(shareOfBar, 4)}</dd>
        <dt>Of {subject(distribution)}</dt>
        <dd>{formatFraction(shareOfAll, 4)}</dd>
        {area && (
          <>
            <dt>In the area</dt>
            <dd>{weights(area.counts[cell.bin]?.[cell.level] ?? 0)}</dd>
          </>
        )}
      </dl>
    </div>
  );
}

/** The bar from its top down to the segment, so that the tooltip leaves the bar free. */
function anchorOf(cell: Cell, stack: Stack, drawing: SVGSVGElement | null): Box | null {
  const segment = segmentRect(stack, cell);
  if (segment === null || drawing === null) return null;
  const { left, top } = drawing.getBoundingClientRect();
  const bar = barRect(stack, cell.bin);
  const height = segment.y + segment.height - bar.y;
  return { x: bar.x + left, y: bar.y + top, width: bar.width, height };
}
