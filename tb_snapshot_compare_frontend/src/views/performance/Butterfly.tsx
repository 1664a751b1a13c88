/** Class probabilities of a to the left and of b to the right of one shared axis of classes. */
import type { JSX, RefObject } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { Tooltip } from '../../elements/Tooltip';
import type { Box } from '../../elements/tooltip-place';
import { useSize } from '../../elements/use-size';
import { formatNumber, formatSigned } from '../../scales/format';
import type { ClassRow } from './butterfly';
import { classLabel, classText } from './classes';

const ROW = 20;
const BAR = 12;
const HEAD = 34;
const FOOT = 6;
const VALUE = 38;
const TICKS = [0, 0.25, 0.5, 0.75, 1];
/** Of an average letter at 12 px. */
const LETTER = 6.2;

export interface ButterflyProps {
  readonly rows: readonly ClassRow[];
  readonly classes: readonly string[];
  readonly labels: { readonly a: string; readonly b: string };
  readonly drawing: RefObject<SVGSVGElement | null>;
}

export function Butterfly({ rows, classes, labels, drawing }: ButterflyProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const size = useSize(box);
  const [pointed, setPointed] = useState<number | null>(null);
  const [anchor, setAnchor] = useState<Box | null>(null);
  const width = Math.max(260, size?.width ?? 480);
  const height = HEAD + rows.length * ROW + FOOT;
  const middle = middleWidth(rows, classes, width);
  const room = Math.max(40, (width - middle) / 2 - VALUE);
  const left = (width - middle) / 2;
  const right = left + middle;
  const row = pointed === null ? null : (rows[pointed] ?? null);

  function point(index: number | null, target: Element | null): void {
    setPointed(index);
    setAnchor(target?.getBoundingClientRect() ?? null);
  }

  function pointRow(index: number): void {
    const to = Math.max(0, Math.min(rows.length - 1, index));
    const target = drawing.current?.querySelectorAll('.perf-class')[to] ?? null;
    target?.scrollIntoView({ block: 'nearest' });
    point(to, target);
  }

  function onKeyDown(event: KeyboardEvent): void {
    const at = pointed ?? -1;
    const moves: Record<string, number> = {
      ArrowUp: at - 1,
      ArrowDown: at + 1,
      Home: 0,
      End: rows.length - 1,
    };
    const next = moves[event.key];
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    pointRow(next);
  }

  return (
    <div
      ref={box}
      class="perf-butterfly"
      role="slider"
      tabIndex={0}
      aria-label={`Class probabilities: a, ${labels.a}, to the left; b, ${labels.b}, to the right`}
      aria-valuemin={0}
      aria-valuemax={Math.max(0, rows.length - 1)}
      aria-valuenow={pointed ?? 0}
      aria-valuetext={spoken(row ?? rows[0], classes)}
      onKeyDown={onKeyDown}
      onBlur={() => point(null, null)}
      onPointerLeave={() => point(null, null)}
    >
      <svg ref={drawing} width={width} height={height} aria-hidden="true">
        <text class="perf-side-a" x={left} y={12} text-anchor="end">
          {sideLabel('a', labels.a, left)}
        </text>
        <text class="perf-side-b" x={right} y={12}>
          {sideLabel('b', labels.b, left)}
        </text>
        <Axis left={left} right={right} room={room} bottom={height - FOOT} />
        {rows.map((entry, index) => (
          <g
            key={entry.index}
            class="perf-class"
            data-truth={entry.isTruth ? '' : undefined}
            data-pointed={index === pointed ? '' : undefined}
            transform={`translate(0 ${HEAD + index * ROW})`}
            onPointerEnter={(event) => point(index, event.currentTarget)}
          >
            <rect class="perf-class-back" width={width} height={ROW} />
            <text class="perf-class-name" x={left + middle / 2} y={14} text-anchor="middle">
              {className(entry, classes, middle)}
            </text>
            <Bar value={entry.a} from={left} direction={-1} room={room} side="a" />
            <Bar value={entry.b} from={right} direction={1} room={room} side="b" />
          </g>
        ))}
      </svg>
      <Tooltip anchor={row ? anchor : null}>{row && <Card row={row} classes={classes} />}</Tooltip>
    </div>
  );
}

interface AxisProps {
  readonly left: number;
  readonly right: number;
  readonly room: number;
  readonly bottom: number;
}

function Axis({ left, right, room, bottom }: AxisProps): JSX.Element {
  return (
    <g class="perf-axis">
      {TICKS.flatMap((tick) => [left - tick * room, right + tick * room]).map((x, index) => {
        const tick = TICKS[Math.floor(index / 2)] ?? 0;
        return (
          <g key={`${tick} ${index % 2}`}>
            <line x1={x} x2={x} y1={HEAD - 2} y2={bottom} data-zero={tick === 0 ? '' : undefined} />
            {(tick * 2) % 1 === 0 && (
              <text x={x} y={HEAD - 6} text-anchor="middle">
                {tick}
              </text>
            )}
          </g>
        );
      })}
    </g>
  );
}

interface BarProps {
  readonly value: number | null;
  readonly from: number;
  readonly direction: 1 | -1;
  readonly room: number;
  readonly side: 'a' | 'b';
}

function Bar({ value, from, direction, room, side }: BarProps): JSX.Element | null {
  const y = (ROW - BAR) / 2;
  if (value === null) {
    return (
      <text
        class="perf-value"
        x={from + direction * 6}
        y={14}
        text-anchor={direction < 0 ? 'end' : 'start'}
      >
        not finite
      </text>
    );
  }
  const length = Math.max(0, Math.min(1, value)) * room;
  return (
    <>
      {length >= 0.3 && (
        <rect
          class={`perf-bar-${side}`}
          x={direction < 0 ? from - length : from}
          y={y}
          width={length}
          height={BAR}
        />
      )}
      {value >= 0.005 && (
        <text
          class="perf-value"
          x={from + direction * (length + 4)}
          y={14}
          text-anchor={direction < 0 ? 'end' : 'start'}
        >
          {value.toFixed(2)}
        </text>
      )}
    </>
  );
}

function Card({
  row,
  classes,
}: {
  readonly row: ClassRow;
  readonly classes: readonly string[];
}): JSX.Element {
  const { a, b } = row;
  return (
    <div class="perf-card">
      <strong>{classText(classes, row.index)}</strong>
      {row.isTruth && <span class="muted">the true class</span>}
      <dl>
        <dt class="perf-ink-a">a</dt>
        <dd>{formatNumber(a, 4)}</dd>
        <dt class="perf-ink-b">b</dt>
        <dd>{formatNumber(b, 4)}</dd>
        <dt>b − a</dt>
        <dd>{a === null || b === null ? '–' : formatSigned(b - a, 4)}</dd>
      </dl>
    </div>
  );
}

function spoken(row: ClassRow | undefined, classes: readonly string[]): string {
  if (!row) return '';
  const { index, a, b, isTruth } = row;
  const truth = isTruth ? ', the true class' : '';
  return `${classText(classes, index)}${truth}: a ${formatNumber(a)}, b ${formatNumber(b)}`;
}

function rowText({ index, isTruth }: ClassRow, classes: readonly string[]): string {
  const name = classLabel(classes, index);
  return isTruth ? `✓ ${name}` : name;
}

function className(row: ClassRow, classes: readonly string[], room: number): string {
  const text = rowText(row, classes);
  const most = Math.max(4, Math.floor((room - 12) / LETTER));
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** The letter alone where its snapshot's name does not fit. */
function sideLabel(side: 'a' | 'b', name: string, room: number): string {
  const text = name === '' ? side : `${side} · ${name}`;
  return text.length * LETTER <= room ? text : side;
}

/** As wide as the longest name, up to a third of the chart. */
function middleWidth(rows: readonly ClassRow[], classes: readonly string[], width: number): number {
  const longest = Math.max(...rows.map((row) => rowText(row, classes).length), 4);
  return Math.min(width / 3, Math.max(64, longest * LETTER + 16));
}
