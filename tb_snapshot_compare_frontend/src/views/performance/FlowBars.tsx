/** One stacked bar for each class: its images by outcome. A part is a button that takes them. */
import type { JSX, RefObject } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { Tooltip } from '../../elements/Tooltip';
import type { Box } from '../../elements/tooltip-place';
import { useSize } from '../../elements/use-size';
import { formatCount, formatFraction } from '../../scales/format';
import { imageFilter } from '../../state/probing-choice';
import { classLabel, classText, images, OUTCOME_HELP, OUTCOME_WORDS } from './classes';
import { type ClassFlow, FLOW_PARTS, type FlowPart } from './flow';

const ROW = 22;
const BAR = 16;
const LETTER = 6.2;
const TOTAL = 44;
/** Room for a number in a part. */
const NUMBER = 9;
const GAP = 1;

export interface FlowBarsProps {
  readonly flows: readonly ClassFlow[];
  readonly classes: readonly string[];
  readonly drawing: RefObject<SVGSVGElement | null>;
}

interface Part {
  readonly row: number;
  readonly part: FlowPart;
}

export function FlowBars({ flows, classes, drawing }: FlowBarsProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const size = useSize(box);
  const [pointed, setPointed] = useState<(Part & { readonly anchor: Box }) | null>(null);
  const [current, setCurrent] = useState<Part | null>(null);
  const width = Math.max(280, size?.width ?? 480);
  const names = flows.map(({ label }) => classLabel(classes, label));
  const left = Math.min(width / 3, Math.max(...names.map((name) => name.length), 4) * LETTER + 16);
  const room = width - left - TOTAL;
  const most = Math.max(...flows.map(({ total }) => total), 1);
  const stops = flows.flatMap((flow, row) =>
    FLOW_PARTS.filter((part) => flow.counts[part] > 0).map((part) => ({ row, part })),
  );
  const tabStop = stops.find((stop) => same(stop, current)) ?? stops[0];
  const shown = pointed && flows[pointed.row];

  function focusStop(stop: Part | undefined): void {
    if (!stop) return;
    setCurrent(stop);
    drawing.current?.querySelector<SVGGElement>(`[data-stop="${stop.row} ${stop.part}"]`)?.focus();
  }

  function onKeyDown(event: KeyboardEvent): void {
    const at = stops.findIndex((stop) => same(stop, current ?? tabStop ?? null));
    const here = stops[at];
    if (!here) return;
    const inRow = (row: number) =>
      stops.find((stop) => stop.row === row && stop.part === here.part) ??
      stops.find((stop) => stop.row === row);
    const moves: Record<string, () => Part | undefined> = {
      ArrowLeft: () => stops[Math.max(0, at - 1)],
      ArrowRight: () => stops[Math.min(stops.length - 1, at + 1)],
      ArrowUp: () => inRow(here.row - 1),
      ArrowDown: () => inRow(here.row + 1),
      Home: () => stops[0],
      End: () => stops.at(-1),
    };
    const move = moves[event.key];
    if (move) focusStop(move());
    else if (event.key === 'Enter' || event.key === ' ') take(here);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function take({ row, part }: Part): void {
    const label = flows[row]?.label ?? null;
    const { label: wasLabel, outcome } = imageFilter.value;
    const again = wasLabel === label && outcome === part;
    imageFilter.value = {
      label: again ? null : label,
      outcome: again ? null : part,
      predictedA: null,
      predictedB: null,
    };
  }

  return (
    <div ref={box} class="perf-flow-chart">
      <svg
        ref={drawing}
        width={width}
        height={flows.length * ROW + 4}
        role="toolbar"
        aria-label="Images by class and outcome"
        onKeyDown={onKeyDown}
        onPointerLeave={() => setPointed(null)}
      >
        <defs>
          <Hatch />
        </defs>
        {flows.map((flow, row) => (
          <g key={flow.label} transform={`translate(0 ${row * ROW + 2})`}>
            <text class="perf-flow-name" x={left - 8} y={14} text-anchor="end">
              {shortened(names[row] ?? '', left - 12)}
            </text>
            {partsOf(flow, room / most).map(({ part, x, width: wide, count }) => (
              // biome-ignore lint/a11y/useSemanticElements: SVG has no button
              <g
                key={part}
                class="perf-flow-part"
                role="button"
                data-part={part}
                data-stop={`${row} ${part}`}
                tabindex={same({ row, part }, tabStop ?? null) ? 0 : -1}
                aria-label={spoken(flow, part, classes)}
                aria-pressed={
                  imageFilter.value.label === flow.label && imageFilter.value.outcome === part
                }
                onClick={() => take({ row, part })}
                onFocus={() => setCurrent({ row, part })}
                onPointerEnter={(event) =>
                  setPointed({ row, part, anchor: event.currentTarget.getBoundingClientRect() })
                }
              >
                <rect x={left + x} width={Math.max(1, wide - GAP)} height={BAR} rx={1.5} />
                {(part === 'rw' || part === 'ww') && (
                  <rect
                    x={left + x}
                    width={Math.max(1, wide - GAP)}
                    height={BAR}
                    fill="url(#perf-hatch)"
                    class="perf-flow-hatch"
                  />
                )}
                {wide >= String(count).length * 7 + NUMBER && (
                  <text x={left + x + (wide - GAP) / 2} y={12} text-anchor="middle">
                    {formatCount(count)}
                  </text>
                )}
              </g>
            ))}
            <text class="perf-flow-total" x={left + (flow.total / most) * room + 6} y={13}>
              {formatCount(flow.total)}
            </text>
          </g>
        ))}
      </svg>
      <Tooltip anchor={pointed?.anchor ?? null}>
        {pointed && shown && (
          <div class="perf-card">
            <strong>{classText(classes, shown.label)}</strong>
            <span>{OUTCOME_WORDS[pointed.part]}</span>
            <span class="muted">{OUTCOME_HELP[pointed.part]}</span>
            <span>
              {images(shown.counts[pointed.part], formatCount)},{' '}
              {formatFraction(shown.counts[pointed.part] / shown.total)} of the class
            </span>
          </div>
        )}
      </Tooltip>
    </div>
  );
}

function Hatch(): JSX.Element {
  return (
    <pattern
      id="perf-hatch"
      width={5}
      height={5}
      patternUnits="userSpaceOnUse"
      patternTransform="rotate(45)"
    >
      <line x1={0} x2={0} y1={0} y2={5} class="perf-hatch-line" />
    </pattern>
  );
}

function partsOf(flow: ClassFlow, scale: number) {
  let x = 0;
  return FLOW_PARTS.flatMap((part) => {
    const count = flow.counts[part];
    if (count === 0) return [];
    const placed = { part, x, width: count * scale, count };
    x += placed.width;
    return [placed];
  });
}

function same(one: Part, other: Part | null): boolean {
  return one.row === other?.row && one.part === other.part;
}

function spoken({ label, counts, total }: ClassFlow, part: FlowPart, classes: readonly string[]) {
  return (
    `${classText(classes, label)}, ${OUTCOME_WORDS[part]}: ` +
    `${formatCount(counts[part])} of ${images(total, formatCount)}`
  );
}

function shortened(text: string, room: number): string {
  const most = Math.max(4, Math.floor(room / LETTER));
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
