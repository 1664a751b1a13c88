/** How many images go from one predicted class (row, a) to another (column, b). */
import type { JSX } from 'preact';
import { useMemo, useRef, useState } from 'preact/hooks';
import type { Flow } from '../../client/types';
import { Tooltip } from '../../elements/Tooltip';
import type { Box } from '../../elements/tooltip-place';
import { inkOn, sequential } from '../../scales/color';
import { formatCount } from '../../scales/format';
import { dark } from '../../state/environment';
import { imageFilter } from '../../state/probing-choice';
import { classText, images, shortClass } from './classes';
import { changesOf } from './flow';

const LEAST_CELL = 11;
const MOST_CELL = 22;
const ROOM = 340;
const HEAD = 34;
/** Below this no number fits into a cell. */
const NUMBERED = 15;

interface Cell {
  readonly from: number;
  readonly to: number;
}

export function ChangeMatrix({
  value,
  classes: count,
}: {
  readonly value: Flow;
  readonly classes: number;
}): JSX.Element {
  const grid = useRef<HTMLDivElement>(null);
  const changes = useMemo(() => changesOf(value, count), [value, count]);
  const [pointed, setPointed] = useState<(Cell & { readonly anchor: Box }) | null>(null);
  const [current, setCurrent] = useState<Cell>({ from: 0, to: 0 });
  const theme = dark.value ? 'dark' : 'light';
  const size = Math.max(LEAST_CELL, Math.min(MOST_CELL, Math.floor(ROOM / Math.max(1, count))));
  const color = sequential(theme, [0, Math.max(1, changes.largestChange)]);
  const { classes } = value;
  const { predictedA, predictedB } = imageFilter.value;
  const at = ({ from, to }: Cell) => changes.counts[from * count + to] ?? 0;
  const words = (cell: Cell) =>
    `${classText(classes, cell.from)} in a, ${classText(classes, cell.to)} in b: ` +
    images(at(cell), formatCount);

  function take({ from, to }: Cell): void {
    if (at({ from, to }) === 0) return;
    const again = predictedA === from && predictedB === to;
    imageFilter.value = {
      label: null,
      outcome: null,
      predictedA: again ? null : from,
      predictedB: again ? null : to,
    };
  }

  function onKeyDown(event: KeyboardEvent): void {
    const { from, to } = current;
    const moves: Record<string, Cell> = {
      ArrowLeft: { from, to: to - 1 },
      ArrowRight: { from, to: to + 1 },
      ArrowUp: { from: from - 1, to },
      ArrowDown: { from: from + 1, to },
      Home: { from, to: 0 },
      End: { from, to: count - 1 },
    };
    const next = moves[event.key];
    if (next) {
      setCurrent({ from: clamp(next.from, count), to: clamp(next.to, count) });
    } else if (event.key === 'Enter' || event.key === ' ') take(current);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function cellOf(event: PointerEvent | MouseEvent): Cell | null {
    const box = grid.current?.getBoundingClientRect();
    if (!box) return null;
    const to = Math.floor((event.clientX - box.left - HEAD) / size);
    const from = Math.floor((event.clientY - box.top - HEAD) / size);
    return from >= 0 && to >= 0 && from < count && to < count ? { from, to } : null;
  }

  const cells: JSX.Element[] = [];
  for (let from = 0; from < count; from += 1) {
    for (let to = 0; to < count; to += 1) {
      const number = at({ from, to });
      if (number === 0) continue;
      const fill = from === to ? 'var(--void)' : color(number);
      const [x, y] = [HEAD + to * size, HEAD + from * size];
      cells.push(
        <rect key={`${from} ${to}`} x={x} y={y} width={size - 1} height={size - 1} fill={fill} />,
      );
      if (size >= NUMBERED && number < 1000) {
        const ink = from === to ? 'var(--ink-muted)' : inkOn(color(number));
        cells.push(
          <text
            key={`${from} ${to} n`}
            class="perf-matrix-number"
            x={x + size / 2}
            y={y + size / 2 + 3.5}
            style={{ fill: ink }}
          >
            {number}
          </text>,
        );
      }
    }
  }
  const side = HEAD + count * size + 2;
  const marked = pointed ?? current;
  const outline = (cell: Cell, name: string) => (
    <rect
      class={name}
      x={HEAD + cell.to * size - 0.5}
      y={HEAD + cell.from * size - 0.5}
      width={size}
      height={size}
    />
  );
  return (
    <div class="perf-matrix">
      <div
        ref={grid}
        class="perf-matrix-grid"
        role="slider"
        tabIndex={0}
        aria-label="Predicted by a and by b; arrows move, Enter takes the images"
        aria-valuemin={0}
        aria-valuemax={count * count - 1}
        aria-valuenow={current.from * count + current.to}
        aria-valuetext={words(current)}
        onKeyDown={onKeyDown}
        onPointerMove={(event) => {
          const cell = cellOf(event);
          const anchor = { x: event.clientX, y: event.clientY, width: 0, height: 0 };
          setPointed(cell && { ...cell, anchor });
        }}
        onPointerLeave={() => setPointed(null)}
        onClick={(event) => {
          const cell = cellOf(event);
          if (cell) take(cell);
        }}
      >
        <svg width={side} height={side} aria-hidden="true">
          <text class="perf-side-b" x={HEAD} y={11}>
            {'b →'}
          </text>
          <text class="perf-side-a" x={2} y={HEAD + 10}>
            {'a ↓'}
          </text>
          {Array.from({ length: count }, (_, index) => index)
            .filter((index) => index % (size >= NUMBERED ? 1 : 5) === 0)
            .map((index) => (
              <g key={index}>
                <text class="perf-matrix-index" x={HEAD + index * size + size / 2} y={HEAD - 5}>
                  {index}
                </text>
                <text
                  class="perf-matrix-index"
                  x={HEAD - 9}
                  y={HEAD + index * size + size / 2 + 3.5}
                >
                  {index}
                </text>
              </g>
            ))}
          <rect
            class="perf-matrix-frame"
            x={HEAD - 0.5}
            y={HEAD - 0.5}
            width={count * size}
            height={count * size}
          />
          {cells}
          {predictedA !== null &&
            predictedB !== null &&
            outline({ from: predictedA, to: predictedB }, 'perf-matrix-taken')}
          {outline(marked, 'perf-matrix-cursor')}
        </svg>
      </div>
      <p class="muted perf-matrix-note">
        Rows are what a predicts, columns what b predicts; the grey diagonal did not change.
      </p>
      <Tooltip anchor={pointed?.anchor ?? null}>
        {pointed && (
          <div class="perf-card">
            <strong>
              {shortClass(classes, pointed.from)} → {shortClass(classes, pointed.to)}
            </strong>
            <span>{images(at(pointed), formatCount)}</span>
          </div>
        )}
      </Tooltip>
    </div>
  );
}

function clamp(index: number, count: number): number {
  return Math.max(0, Math.min(count - 1, index));
}
