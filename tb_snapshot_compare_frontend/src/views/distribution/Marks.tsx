/** What the histogram is drawn with. */
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import type { Cell } from '../../state/selection';
import { binRect, levelPaths, type Rect, rectPath, type Stack, segmentRect } from './geometry';

/** Narrower bars are not outlined one by one; the bracket on the axis names them. */
const OUTLINE_FROM = 5;

interface BarsProps {
  readonly stack: Stack;
  readonly colors: readonly string[];
  readonly selected: readonly Cell[];
}

export function Bars({ stack, colors, selected }: BarsProps): JSX.Element {
  const paths = useMemo(() => levelPaths(stack), [stack]);
  return (
    <g shape-rendering={binRect(stack, 0).width < OUTLINE_FROM ? 'crispEdges' : undefined}>
      <g class={selected.length > 0 ? 'bars-dimmed' : undefined}>
        {paths.map((path, level) => (
          <path key={colors[level]} d={path} fill={colors[level]} data-level={level} />
        ))}
      </g>
      {segmentPaths(stack, selected).map((path, level) => (
        <path key={colors[level]} d={path} fill={colors[level]} />
      ))}
    </g>
  );
}

/** One path per level with its selected segments. */
function segmentPaths(stack: Stack, selected: readonly Cell[]): string[] {
  if (selected.length === 0) return [];
  const paths = stack.weights.map((): string[] => []);
  for (const cell of selected) {
    const rect = segmentRect(stack, cell);
    if (rect !== null) paths[cell.level]?.push(rectPath(rect));
  }
  return paths.map((parts) => parts.join(''));
}

/** A double outline (ink on surface) around each run of selected segments, and a bracket below. */
export function Selected({
  stack,
  selected,
}: Pick<BarsProps, 'stack' | 'selected'>): JSX.Element | null {
  if (selected.length === 0) return null;
  const width = binRect(stack, 0).width;
  const outline = width >= OUTLINE_FROM ? runs(stack, selected).join('') : '';
  const bins = [...new Set(selected.map(({ bin }) => bin))];
  const bracket = bins
    .map((bin) => `M${binRect(stack, bin).x} ${stack.plot.bottom + 2}h${width}`)
    .join('');
  return (
    <g class="selected">
      <path class="outline-surface" d={outline} />
      <path class="outline-ink" d={outline} />
      <path class="bracket" d={bracket} />
    </g>
  );
}

/** One rectangle per run of selected segments that touch, bin by bin. */
function runs(stack: Stack, selected: readonly Cell[]): string[] {
  const rectangles: { bin: number; rect: Rect }[] = [];
  for (const cell of selected) {
    const rect = segmentRect(stack, cell);
    if (rect === null) continue;
    const last = rectangles.at(-1);
    if (last?.bin === cell.bin && Math.abs(rect.y + rect.height - last.rect.y) < 0.01) {
      last.rect = { ...rect, height: rect.height + last.rect.height };
    } else rectangles.push({ bin: cell.bin, rect });
  }
  return rectangles.map(({ rect }) => rectPath(rect));
}

export function BinBand({
  stack,
  bin,
}: {
  readonly stack: Stack;
  readonly bin: number;
}): JSX.Element {
  return <rect class="bin-band" data-export="skip" {...binRect(stack, bin)} />;
}

export function BrushBand(props: {
  readonly stack: Stack;
  readonly brush: readonly [number, number];
}): JSX.Element {
  const { stack, brush } = props;
  const first = binRect(stack, Math.min(...brush));
  const last = binRect(stack, Math.max(...brush));
  return (
    <rect
      class="brush-band"
      data-export="skip"
      {...first}
      width={last.x + last.width - first.x}
      height={first.height + 6}
    />
  );
}

interface CursorProps {
  readonly stack: Stack;
  readonly cell: Cell;
  readonly focused: boolean;
}

export function Cursor({ stack, cell, focused }: CursorProps): JSX.Element | null {
  const rect = segmentRect(stack, cell);
  if (rect === null) return null;
  const height = Math.max(3, rect.height);
  const path = rectPath({ ...rect, y: rect.y - (height - rect.height) / 2, height });
  return (
    <g class={focused ? 'cursor cursor-focused' : 'cursor'} data-export="skip">
      <path class="outline-surface" d={path} />
      <path class="cursor-ink" d={path} />
    </g>
  );
}
