/** One bar for each part: the share of the whole change in outcome that it carries. */
import type { JSX, RefObject } from 'preact';
import { useRef, useState } from 'preact/hooks';
import type { Attribution, AttributionPart } from '../../client/types';
import { Tooltip } from '../../elements/Tooltip';
import type { Box } from '../../elements/tooltip-place';
import { useSize } from '../../elements/use-size';
import { formatCount, formatFraction, formatSigned, MISSING } from '../../scales/format';
import { partName, spokenName } from './parts';

export type CarriedOrder = 'network' | 'share';

const ROW = 22;
const BAR = 12;
const LETTER = 6.4;
const FIGURES = 56;
const GAP = 10;
/** What the card has around its text. */
const CARD_FRAME = 26;

export interface CarriedBarsProps {
  readonly value: Attribution;
  readonly order: CarriedOrder;
  readonly isSelected: (part: AttributionPart) => boolean;
  readonly drawing: RefObject<SVGSVGElement | null>;
  readonly onSelect: (part: AttributionPart) => void;
  readonly onHover?: (name: string | null) => void;
}

export function CarriedBars(props: CarriedBarsProps): JSX.Element {
  const { value, order, isSelected, drawing, onSelect, onHover } = props;
  const box = useRef<HTMLDivElement>(null);
  const size = useSize(box);
  const [pointed, setPointed] = useState<{ at: number; anchor: Box } | null>(null);
  const [current, setCurrent] = useState(0);
  const parts = ordered(value.parts, order);
  const width = Math.max(280, size?.width ?? 480);
  const names = parts.map(partName);
  const left = Math.min(
    width * 0.4,
    Math.max(...names.map((name) => name.length), 20) * LETTER + GAP,
  );
  const shares = [...parts.map(({ carried }) => carried ?? 0), value.sum ?? 0, 1];
  const low = Math.min(0, ...shares);
  const high = Math.max(...shares);
  const room = width - left - FIGURES - GAP;
  const x = (share: number) => left + ((share - low) / (high - low)) * room;
  const head = value.layer === null ? 2 : 1;
  const height = (parts.length + head) * ROW + GAP;
  const top = head * ROW + GAP;
  const shown = pointed && parts[pointed.at];

  function onKeyDown(event: KeyboardEvent): void {
    const moves: Record<string, number> = {
      ArrowUp: current - 1,
      ArrowDown: current + 1,
      Home: 0,
      End: parts.length - 1,
    };
    const next = moves[event.key];
    if (next !== undefined) {
      const to = Math.max(0, Math.min(parts.length - 1, next));
      setCurrent(to);
      drawing.current?.querySelectorAll<SVGGElement>('.perf-part')[to]?.focus();
    } else if (event.key === 'Enter' || event.key === ' ') {
      const part = parts[current];
      if (part) onSelect(part);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** The card lies over the bars: all names stay in sight. */
  function point(at: number | null, target?: Element): void {
    onHover?.(at === null ? null : (parts[at]?.name ?? null));
    const row = target?.getBoundingClientRect();
    if (at === null || !row) {
      setPointed(null);
      return;
    }
    const { right, y, height: high } = row;
    setPointed({ at, anchor: { x: row.x + left, y, width: right - row.x - left, height: high } });
  }

  function onFocus(at: number, target: Element): void {
    setCurrent(at);
    if (target.matches(':focus-visible')) point(at, target);
  }

  return (
    <div ref={box} class="perf-carried">
      <svg
        ref={drawing}
        width={width}
        height={height}
        role="toolbar"
        aria-label={value.layer === null ? 'Share by layer' : `Share by filters of ${value.layer}`}
        onKeyDown={onKeyDown}
        onPointerLeave={() => point(null)}
      >
        <line class="perf-carried-whole" x1={x(1)} x2={x(1)} y1={4} y2={height - 4} />
        {value.layer === null && (
          <Row name="whole change, a → b" y={0} left={left} width={width}>
            <rect class="perf-carried-all" x={x(0)} y={5} width={x(1) - x(0)} height={BAR} />
            <Share share={1} x={width} />
          </Row>
        )}
        <Row name="sum of the parts" y={(head - 1) * ROW} left={left} width={width}>
          <Bar share={value.sum} x={x} name="perf-carried-sum" />
          <Share share={value.sum} x={width} />
        </Row>
        <line class="perf-carried-rule" x1={0} x2={width} y1={top - 5} y2={top - 5} />
        {parts.map((part, at) => (
          // biome-ignore lint/a11y/useSemanticElements: SVG has no button
          <g
            key={`${part.name} ${part.filters?.join() ?? ''}`}
            class="perf-part"
            role="button"
            tabindex={at === Math.min(current, parts.length - 1) ? 0 : -1}
            aria-label={spoken(part)}
            aria-pressed={isSelected(part)}
            transform={`translate(0 ${top + at * ROW})`}
            onClick={() => onSelect(part)}
            onFocus={(event) => onFocus(at, event.currentTarget)}
            onBlur={() => point(null)}
            onPointerEnter={(event) => point(at, event.currentTarget)}
          >
            <rect class="perf-part-back" width={width} height={ROW} rx={2} />
            <text x={left - GAP} y={15} text-anchor="end">
              {shortened(names[at] ?? '', left - GAP, part.filters === null)}
            </text>
            <Bar share={part.carried} x={x} name="perf-carried-bar" />
            <Share share={part.carried} x={width} />
          </g>
        ))}
        <line class="perf-carried-zero" x1={x(0)} x2={x(0)} y1={2} y2={height - 2} />
      </svg>
      <Tooltip anchor={shown ? (pointed?.anchor ?? null) : null}>
        {shown && <Card part={shown} room={width - left} />}
      </Tooltip>
    </div>
  );
}

function Row({
  name,
  y,
  left,
  children,
}: {
  readonly name: string;
  readonly y: number;
  readonly left: number;
  readonly width: number;
  readonly children: JSX.Element | JSX.Element[];
}): JSX.Element {
  return (
    <g class="perf-carried-head" transform={`translate(0 ${y})`}>
      <text class="perf-carried-name" x={left - GAP} y={15} text-anchor="end">
        {name}
      </text>
      {children}
    </g>
  );
}

function Bar({
  share,
  x,
  name,
}: {
  readonly share: number | null;
  readonly x: (share: number) => number;
  readonly name: string;
}): JSX.Element | null {
  if (share === null) return null;
  const [from, to] = share < 0 ? [x(share), x(0)] : [x(0), x(share)];
  return (
    <rect
      class={name}
      data-negative={share < 0 ? '' : undefined}
      x={from}
      y={5}
      width={Math.max(1, to - from)}
      height={BAR}
    />
  );
}

function Share({ share, x }: { readonly share: number | null; readonly x: number }): JSX.Element {
  return (
    <text class="perf-share" x={x - 2} y={15} text-anchor="end">
      {percent(share)}
    </text>
  );
}

/** With one decimal, so that shares line up: `11.9 %`. */
function percent(share: number | null): string {
  return share === null ? MISSING : `${(100 * share).toFixed(1).replace('-', '−')}\u00a0%`;
}

function Card({
  part,
  room,
}: {
  readonly part: AttributionPart;
  readonly room: number;
}): JSX.Element {
  return (
    <div class="perf-card" style={{ maxWidth: `${Math.max(160, room - CARD_FRAME)}px` }}>
      <strong>{partName(part)}</strong>
      <dl>
        <dt>Carries</dt>
        <dd>{formatFraction(part.carried)}</dd>
        <dt>True class</dt>
        <dd>{formatSigned(part.truth)}</dd>
        <dt>Predictions changed</dt>
        <dd>{formatCount(part.flips)}</dd>
      </dl>
      <span class="muted">{part.tensors.join(', ')}</span>
    </div>
  );
}

function ordered(
  parts: readonly AttributionPart[],
  order: CarriedOrder,
): readonly AttributionPart[] {
  if (order === 'network') return parts;
  return [...parts].sort((one, other) => (other.carried ?? -9) - (one.carried ?? -9));
}

function spoken(part: AttributionPart): string {
  return (
    `${spokenName(part)} carries ${formatFraction(part.carried)}, ` +
    `${formatCount(part.flips)} predictions changed`
  );
}

/** Names of layers are cut at their front: they differ at their end. */
function shortened(text: string, room: number, isLayer: boolean): string {
  const most = Math.max(4, Math.floor(room / LETTER));
  if (text.length <= most) return text;
  return isLayer ? `…${text.slice(text.length - most + 1)}` : `${text.slice(0, most - 1)}…`;
}
