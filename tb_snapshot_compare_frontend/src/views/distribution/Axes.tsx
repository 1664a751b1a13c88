import { scaleLinear } from 'd3-scale';
import type { JSX } from 'preact';
import { countTickFormat, tickFormat } from '../../scales/format';
import { countTicks, heightShare, type Stack } from './geometry';

const CHARACTER_WIDTH = 6.4;
const SPACE_PER_BIN_MARK = 6;
const COUNT_SCALE_NAMES = {
  linear: '',
  sqrt: ' (square-root scale)',
  log: ' (log scale)',
} as const;

/** Gridlines and count labels; they lie behind the bars. */
export function CountAxis({ stack }: { readonly stack: Stack }): JSX.Element {
  const { plot, kind, top } = stack;
  const height = plot.bottom - plot.top;
  return (
    <g>
      <text class="axis-title" x={12} y={plot.top - 10}>
        {`Number of weights${COUNT_SCALE_NAMES[kind]}`}
      </text>
      {countTicks(kind, top, height).map((count) => {
        const y = Math.round(plot.bottom - heightShare(kind, count, top) * height) + 0.5;
        return (
          <g key={count}>
            <line class="grid" x1={plot.left} x2={plot.right} y1={y} y2={y} />
            <text class="tick" x={plot.left - 6} y={y + 4} text-anchor="end">
              {countTickFormat(count)}
            </text>
          </g>
        );
      })}
    </g>
  );
}

/** Base line, marks between bins, numbers, the line at zero change, and what the directions mean. */
export function ChangeAxis({ stack }: { readonly stack: Stack }): JSX.Element {
  const { edges, plot } = stack;
  const lower = edges[0] ?? 0;
  const upper = edges.at(-1) ?? 0;
  const scale = scaleLinear().domain([lower, upper]).range([plot.left, plot.right]);
  const ticks = labelledTicks(lower, upper, plot.right - plot.left);
  const label = tickFormat(ticks);
  const binWidth = (plot.right - plot.left) / (edges.length - 1);
  const base = plot.bottom + 0.5;
  const crossesZero = lower <= 0 && upper >= 0;
  return (
    <g>
      <line class="base" x1={plot.left} x2={plot.right} y1={base} y2={base} />
      {binWidth >= SPACE_PER_BIN_MARK && (
        <path
          class="bin-marks"
          d={edges.map((edge) => `M${mark(scale(edge))} ${base}v3`).join('')}
        />
      )}
      {ticks.map((tick) => (
        <g key={tick}>
          <line class="tick-mark" x1={scale(tick)} x2={scale(tick)} y1={base} y2={base + 6} />
          <text
            class={tick === 0 ? 'tick zero' : 'tick'}
            x={scale(tick)}
            y={base + 18}
            text-anchor="middle"
          >
            {label(tick)}
          </text>
        </g>
      ))}
      {crossesZero && (
        <line class="zero-line" x1={mark(scale(0))} x2={mark(scale(0))} y1={plot.top} y2={base} />
      )}
      <text class="axis-title" x={(plot.left + plot.right) / 2} y={base + 36} text-anchor="middle">
        Change <tspan class="b">b</tspan> − <tspan class="a">a</tspan>
      </text>
      <text class="direction" x={plot.left} y={base + 36}>
        ← decreased
      </text>
      <text class="direction" x={plot.right} y={base + 36} text-anchor="end">
        increased →
      </text>
    </g>
  );
}

/** As many round numbers as fit side by side. */
function labelledTicks(lower: number, upper: number, width: number): number[] {
  if (!(upper > lower)) return [lower];
  const scale = scaleLinear().domain([lower, upper]);
  for (let count = 11; count > 2; count -= 1) {
    const ticks = scale.ticks(count);
    const label = tickFormat(ticks);
    const longest = Math.max(...ticks.map((tick) => label(tick).length));
    if (ticks.length * (longest + 2) * CHARACTER_WIDTH <= width) return ticks;
  }
  return scale.ticks(2);
}

/** On the pixel grid, so that one-pixel lines are sharp. */
function mark(x: number): number {
  return Math.round(x - 0.5) + 0.5;
}
