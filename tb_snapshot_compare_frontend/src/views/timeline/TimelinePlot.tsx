import { useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { useSize } from '../../elements/use-size';
import type { Axis } from '../../state/selection';
import { chooseSnapshot } from '../../state/settle';
import { SIDES, type Side } from '../../state/snapshots';
import { CurveDots, Curves, Marks, TimeAxis } from './drawing';
import { type Geometry, layOut, markUnder } from './geometry';
import { Handle } from './Handle';
import { HoverCard } from './HoverCard';
import { type Lane, type Mark, type MarkState, nearestMark } from './model';

const CHOOSABLE: ReadonlySet<MarkState> = new Set(['ready', 'replaced']);
const NO_SIZE = { width: 0, height: 0 };
/** A run of arrow presses asks the server once. */
const KEYBOARD_PAUSE_MS = 250;

interface Preview {
  readonly side: Side;
  readonly id: string;
}

export interface TimelinePlotProps {
  readonly drawing: RefObject<SVGSVGElement | null>;
  readonly marks: readonly Mark[];
  readonly lanes: readonly Lane[];
  readonly axis: Axis;
  readonly domain: [number, number];
}

export function TimelinePlot({ drawing, marks, lanes, axis, domain }: TimelinePlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const { width, height } = useSize(box) ?? NO_SIZE;
  // Signals, since a move may come before the press before it is drawn.
  const preview = useSignal<Preview | null>(null);
  const dragging = useSignal<Side | null>(null);
  const hovered = useSignal<number | null>(null);
  const commitTimer = useRef<ReturnType<typeof setTimeout>>(undefined);

  const geometry = useMemo(
    () => layOut(width, height, axis, domain, lanes),
    [width, height, axis, domain, lanes],
  );
  const ready = useMemo(() => marks.filter(({ state }) => CHOOSABLE.has(state)), [marks]);
  const markOf = (side: Side): Mark | null => {
    const id = preview.value?.side === side ? preview.value.id : SIDES[side].value;
    return marks.find(({ snapshot }) => snapshot.id === id) ?? null;
  };
  const held = { a: markOf('a'), b: markOf('b') };
  const pointed =
    hovered.value === null
      ? null
      : (markUnder(marks, geometry, hovered.value)?.position ?? readAt(axis, hovered.value));

  const read = dragging.value ? (held[dragging.value]?.position ?? null) : pointed;

  useEffect(() => () => clearTimeout(commitTimer.current), []);

  const commit = (chosen: Preview | null) => {
    clearTimeout(commitTimer.current);
    if (chosen) chooseSnapshot(chosen.side, chosen.id);
    preview.value = null;
  };
  const position = (event: PointerEvent): number => {
    const left = drawing.current?.getBoundingClientRect().left ?? 0;
    return geometry.x.invert(event.clientX - left);
  };
  const drag = (side: Side, event: PointerEvent) => {
    const nearest = nearestMark(ready, position(event));
    if (nearest) preview.value = { side, id: nearest.snapshot.id };
  };

  const onPointerDown = (event: PointerEvent) => {
    if (event.button !== 0 || ready.length === 0) return;
    const side = sideUnder(event) ?? nearestSide(held, position(event));
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    event.preventDefault();
    drawing.current?.querySelector<SVGElement>(`[data-handle="${side}"]`)?.focus();
    dragging.value = side;
    hovered.value = null;
    if (!sideUnder(event)) drag(side, event);
  };
  const onPointerMove = (event: PointerEvent) => {
    if (dragging.value) drag(dragging.value, event);
    else hovered.value = position(event);
  };
  const onPointerUp = () => {
    if (!dragging.value) return;
    dragging.value = null;
    commit(preview.value);
  };
  const cancel = () => {
    dragging.value = null;
    commit(null);
  };

  const onKeyDown = (side: Side, event: KeyboardEvent) => {
    if (event.key === 'Escape' && (dragging.value || preview.value)) {
      event.preventDefault();
      cancel();
      return;
    }
    const target = steppedMark(ready, held[side], event.key);
    if (!target) return;
    event.preventDefault();
    const chosen = { side, id: target.snapshot.id };
    preview.value = chosen;
    clearTimeout(commitTimer.current);
    commitTimer.current = setTimeout(() => commit(chosen), KEYBOARD_PAUSE_MS);
  };

  return (
    <div ref={box} class="timeline-plot" data-dragging={dragging.value ?? undefined}>
      {width > 0 && height > 0 && (
        // biome-ignore lint/a11y/useSemanticElements: a drawing holds no fieldset
        <svg
          ref={drawing}
          width={width}
          height={height}
          role="group"
          aria-label="Snapshots of the run, with loss and accuracy"
          onPointerDown={onPointerDown}
          onPointerMove={onPointerMove}
          onPointerUp={onPointerUp}
          onPointerCancel={cancel}
          onPointerLeave={() => {
            hovered.value = null;
          }}
        >
          <TimeAxis geometry={geometry} axis={axis} />
          <Span geometry={geometry} a={held.a} b={held.b} />
          <Curves geometry={geometry} />
          <Marks geometry={geometry} marks={marks} held={[held.a, held.b]} />
          {read !== null && <Cursor geometry={geometry} position={read} />}
          {read !== null && <CurveDots geometry={geometry} position={read} />}
          {(['a', 'b'] as const).map((side) => {
            const mark = held[side];
            return (
              mark && (
                <Handle
                  key={side}
                  side={side}
                  mark={mark}
                  index={ready.indexOf(mark)}
                  count={ready.length}
                  geometry={geometry}
                  onKeyDown={(event) => onKeyDown(side, event)}
                  onBlur={() => !dragging.value && preview.value && commit(preview.value)}
                />
              )
            );
          })}
        </svg>
      )}
      <HoverCard
        drawing={drawing}
        geometry={geometry}
        marks={marks}
        lanes={lanes}
        axis={axis}
        position={read}
        dragging={dragging.value}
      />
    </div>
  );
}

/** Epochs and steps are whole: the cursor stands where its card reads. */
function readAt(axis: Axis, position: number): number {
  return axis === 'time' ? position : Math.round(position);
}

function sideUnder(event: PointerEvent): Side | null {
  const handle = (event.target as Element).closest<SVGElement>('[data-handle]');
  return (handle?.dataset.handle as Side | undefined) ?? null;
}

/** A click beside the handles moves the nearer one; b when neither is on this run. */
function nearestSide(held: Readonly<Record<Side, Mark | null>>, position: number): Side {
  const away = (side: Side) =>
    held[side] === null ? Number.POSITIVE_INFINITY : Math.abs(held[side].position - position);
  return away('a') < away('b') ? 'a' : 'b';
}

function steppedMark(ready: readonly Mark[], from: Mark | null, key: string): Mark | null {
  const last = ready.length - 1;
  const current = from ? ready.indexOf(from) : -1;
  const index = {
    ArrowLeft: current - 1,
    ArrowDown: current - 1,
    ArrowRight: current + 1,
    ArrowUp: current + 1,
    PageDown: current - 10,
    PageUp: current + 10,
    Home: 0,
    End: last,
  }[key];
  return index === undefined ? null : (ready[Math.min(last, Math.max(0, index))] ?? null);
}

interface SpanProps {
  readonly geometry: Geometry;
  readonly a: Mark | null;
  readonly b: Mark | null;
}

/** The stretch of training between a and b. */
function Span({ geometry, a, b }: SpanProps) {
  if (!a || !b) return null;
  const [left, right] = [a, b].map((mark) => geometry.x(mark.position)).sort((x, y) => x - y);
  return (
    <rect
      class="timeline-span"
      x={left}
      y={0}
      width={(right as number) - (left as number)}
      height={geometry.axisY}
    />
  );
}

function Cursor({
  geometry,
  position,
}: {
  readonly geometry: Geometry;
  readonly position: number;
}) {
  const x = geometry.x(position);
  return (
    <line class="timeline-cursor" data-export="skip" x1={x} x2={x} y1={0} y2={geometry.axisY} />
  );
}
