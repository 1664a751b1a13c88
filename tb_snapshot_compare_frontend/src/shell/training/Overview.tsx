/** The whole training in a narrow strip, with what is in sight as a window that can be moved. */
import type { JSX } from 'preact';
import { useMemo, useRef } from 'preact/hooks';
import { formatCount } from '../../scales/format';
import { columnSpan } from '../../scales/step-zoom';
import { GUTTER, middleAt, type StepScale, stepScale } from '../../scales/steps';
import { latest } from '../../state/resources';
import {
  dumps,
  hoveredStep,
  log,
  passes,
  pins,
  shownRange,
  showPins,
  stepRange,
  steps,
} from '../../state/training';
import { trainingCurves } from '../../state/training-data';
import { columnAt } from '../../state/training-pair';
import { setRange } from '../../state/training-zoom';
import { GutterText } from './GutterText';
import { type Grip, gripAt, gripped, overviewPath } from './overview-model';
import { axisWidth, SECTION_EDGE } from './scale';

const HEIGHT = 28;

interface Held {
  readonly grip: Grip;
  readonly x: number;
  readonly range: readonly [number, number];
  moved: boolean;
}

export function Overview(): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const held = useRef<Held | null>(null);
  const width = axisWidth.value;
  const all = steps.value;
  const scale = useMemo(() => wholeScale(all, width), [all, width]);
  const xOf = (event: MouseEvent): number =>
    event.clientX - (box.current?.getBoundingClientRect().left ?? 0);
  const window = windowOf(all, scale);

  const onMove = (event: PointerEvent): void => {
    const x = xOf(event);
    const now = held.current;
    if (now === null) {
      box.current?.setAttribute('data-grip', gripAt(x, window, stepRange.peek() !== null));
      return;
    }
    if (Math.abs(x - now.x) >= 3) now.moved = true;
    if (now.moved) setRange(gripped(all, scale, now.grip, now.range, now.x, x));
  };

  return (
    <div class="overview" style={{ height: `${HEIGHT}px` }}>
      <GutterText text={counted} />
      {/* biome-ignore lint/a11y/noStaticElementInteractions: its ends are sliders of their own */}
      <div
        ref={box}
        class="overview-box"
        style={{ left: `${GUTTER + SECTION_EDGE}px`, width: `${width}px` }}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          const x = xOf(event);
          const grip = gripAt(x, window, stepRange.peek() !== null);
          held.current = { grip, x, range: shownRange.peek(), moved: false };
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={onMove}
        onPointerUp={() => {
          held.current = null;
        }}
        onPointerCancel={() => {
          held.current = null;
        }}
        onDblClick={() => setRange(null)}
      >
        {width > 0 && all.length > 0 && <Drawing scale={scale} />}
        <Edge side="first" x={window.left} />
        <Edge side="last" x={window.right} />
      </div>
    </div>
  );
}

function Drawing({ scale }: { readonly scale: StepScale }): JSX.Element {
  const curves = latest(trainingCurves.value);
  const all = steps.value;
  const axis = log.value?.axis;
  const path = useMemo(
    () => overviewPath(curves?.curves ?? [], axis ?? 'step', all, scale, HEIGHT),
    [curves, axis, all, scale],
  );
  const { left, right } = windowOf(all, scale);
  return (
    <svg width={scale.width} height={HEIGHT} aria-hidden="true">
      <path class="overview-curve" d={path} fill="none" />
      {showPins.value &&
        pins.value.map((step) => {
          const x = Math.round(middleAt(all, scale, step)) + 0.5;
          return <line key={step} class="overview-pin" x1={x} x2={x} y1={0} y2={HEIGHT} />;
        })}
      {stepRange.value !== null && (
        <>
          <rect class="overview-veil" x={0} y={0} width={left} height={HEIGHT} />
          <rect
            class="overview-veil"
            x={right}
            y={0}
            width={Math.max(0, scale.width - right)}
            height={HEIGHT}
          />
        </>
      )}
      <rect
        class="overview-window"
        x={left + 0.5}
        y={0.5}
        width={Math.max(2, right - left - 1)}
        height={HEIGHT - 1}
      />
    </svg>
  );
}

/** An end of what is in sight, for the keyboard; the pointer takes it from the strip. */
function Edge({ side, x }: { readonly side: 'first' | 'last'; readonly x: number }): JSX.Element {
  const all = steps.value;
  const span = columnSpan(all, stepRange.value);
  const place = side === 'first' ? span[0] : span[1];
  const other = side === 'first' ? span[1] : span[0];
  const onKeyDown = (event: KeyboardEvent): void => {
    const to = {
      ArrowLeft: place - 1,
      ArrowRight: place + 1,
      PageUp: place - 20,
      PageDown: place + 20,
      Home: 0,
      End: all.length - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const [least, most] = side === 'first' ? [0, other] : [other, all.length - 1];
    const moved = Math.max(least, Math.min(most, to));
    const ends = side === 'first' ? [moved, other] : [other, moved];
    const whole = ends[0] === 0 && ends[1] === all.length - 1;
    setRange(whole ? null : [all[ends[0] as number] ?? 0, all[ends[1] as number] ?? 0]);
  };
  return (
    <div
      role="slider"
      tabIndex={0}
      class="overview-edge"
      aria-label={side === 'first' ? 'First step in sight' : 'Last step in sight'}
      aria-valuemin={all[0] ?? 0}
      aria-valuemax={all.at(-1) ?? 0}
      aria-valuenow={all[place] ?? 0}
      aria-valuetext={formatCount(all[place] ?? 0)}
      style={{ transform: `translateX(${Math.round(x)}px)` }}
      onKeyDown={onKeyDown}
    />
  );
}

/** How many dumps and passes there are, or which of them is under the crosshair. */
function counted(): string {
  const step = hoveredStep.value;
  return [
    placeOf('dump', 'dumps', dumps.value, step),
    placeOf('pass', 'passes', passes.value, step),
  ]
    .filter(Boolean)
    .join(' · ');
}

function placeOf(one: string, many: string, all: readonly number[], step: number | null): string {
  if (all.length === 0) return '';
  const index = step === null ? -1 : columnAt(all, step);
  if (index >= 0) return `${one} ${formatCount(index + 1)}`;
  return `${formatCount(all.length)} ${all.length === 1 ? one : many}`;
}

function wholeScale(all: readonly number[], width: number): StepScale {
  return stepScale(all, [all[0] ?? 0, all.at(-1) ?? 1], width);
}

function windowOf(all: readonly number[], scale: StepScale) {
  const [from, to] = columnSpan(all, stepRange.value);
  const next = all[to + 1];
  return {
    left: scale.x(all[from] ?? 0),
    right: next === undefined ? scale.width : scale.x(next),
  };
}
