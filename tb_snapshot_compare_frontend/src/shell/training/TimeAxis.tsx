/** The shared time axis: round steps, pins as circles, the step under the crosshair. */
import { useSignalEffect } from '@preact/signals';
import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import { axisKey, cursorStep } from '../../elements/axis-keys';
import { axisWord } from '../../elements/axis-words';
import { formatCount } from '../../scales/format';
import { stepTicks } from '../../scales/step-ticks';
import { GUTTER, middleAt } from '../../scales/steps';
import {
  hoveredStep,
  newestPin,
  pins,
  shownRange,
  showPins,
  steps,
  togglePin,
} from '../../state/training';
import { columnCount, panColumns } from '../../state/training-zoom';
import { GutterText } from './GutterText';
import { LiveBadge, NewColumns } from './Live';
import { axisScale, axisWidth, SECTION_EDGE, stepUnder } from './scale';

const HEIGHT = 32;
const PIN_Y = 23;
const PIN_RADIUS = 5;
/** A circle is met this far from its middle. */
const PIN_REACH = 7;
/** Half of what a label takes, and a gap. */
const LABEL_ROOM = 26;
/** Moves below this are clicks. */
const DRAG_LEAST = 4;

interface Drag {
  readonly x: number;
  readonly range: readonly [number, number];
  moved: boolean;
}

export function TimeAxis(): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const drag = useRef<Drag | null>(null);
  const width = axisWidth.value;
  const step = cursorStep();
  const placeOf = (event: MouseEvent): number =>
    event.clientX - (box.current?.getBoundingClientRect().left ?? 0);

  const onMove = (event: PointerEvent): void => {
    const x = placeOf(event);
    const held = drag.current;
    if (held && Math.abs(x - held.x) >= DRAG_LEAST) held.moved = true;
    if (held?.moved) {
      const columns = ((held.x - x) / Math.max(1, axisWidth.peek())) * columnCount.peek();
      panColumns(columns, held.range);
    } else hoveredStep.value = pinUnder(x) ?? stepUnder(x);
  };
  const onUp = (event: PointerEvent): void => {
    const held = drag.current;
    drag.current = null;
    if (held === null || held.moved) return;
    const x = placeOf(event);
    const pinned = pinUnder(x) ?? stepUnder(x);
    if (pinned !== null) togglePin(pinned);
  };

  return (
    <div class="time-axis" style={{ height: `${HEIGHT}px` }}>
      <GutterText text={readStep} />
      <LiveBadge />
      <div
        ref={box}
        class="time-axis-box"
        role="slider"
        tabIndex={0}
        aria-label={`${axisWord.value}: arrows move, Enter pins, plus and minus zoom, Shift with arrows pans, brackets go from pin to pin`}
        aria-valuemin={steps.value[0] ?? 0}
        aria-valuemax={steps.value.at(-1) ?? 0}
        aria-valuenow={step ?? 0}
        aria-valuetext={valueText(step)}
        style={{ left: `${GUTTER + SECTION_EDGE}px`, width: `${width}px` }}
        onKeyDown={axisKey}
        onFocus={() => {
          if (box.current?.matches(':focus-visible')) hoveredStep.value = cursorStep();
        }}
        onBlur={() => {
          hoveredStep.value = null;
        }}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          drag.current = { x: placeOf(event), range: shownRange.peek(), moved: false };
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={onMove}
        onPointerUp={onUp}
        onPointerCancel={() => {
          drag.current = null;
        }}
        onPointerLeave={() => {
          if (drag.current === null) hoveredStep.value = null;
        }}
      >
        {width > 0 && <Drawing width={width} />}
        <Reading />
      </div>
    </div>
  );
}

function readStep(): string {
  const step = hoveredStep.value;
  return step === null ? axisWord.value : `${axisWord.value} ${formatCount(step)}`;
}

function Drawing({ width }: { readonly width: number }): JSX.Element {
  const scale = axisScale.value;
  return (
    <svg width={width} height={HEIGHT} aria-hidden="true">
      {stepTicks(scale).map(({ step, x, label }) => (
        <g key={step} transform={`translate(${Math.round(x) + 0.5} 0)`}>
          <line y1={PIN_Y - 5} y2={PIN_Y + 5} class="time-axis-tick" />
          <text y={12} data-x={Math.round(x)} text-anchor={anchorOf(x, width)}>
            {label}
          </text>
        </g>
      ))}
      <line class="time-axis-line" x1={0} x2={width} y1={PIN_Y + 0.5} y2={PIN_Y + 0.5} />
      <NewColumns scale={scale} y={PIN_Y - 1} />
      {showPins.value && <Pins width={width} />}
    </svg>
  );
}

function Pins({ width }: { readonly width: number }): JSX.Element {
  const scale = axisScale.value;
  const all = steps.value;
  return (
    <>
      {pins.value.map((step) => {
        const x = middleAt(all, scale, step);
        if (x < -1 || x > width + 1) return null;
        return (
          <circle
            key={step}
            class="time-axis-pin"
            data-newest={step === newestPin.value ? '' : undefined}
            cx={x}
            cy={PIN_Y + 0.5}
            r={PIN_RADIUS}
          />
        );
      })}
    </>
  );
}

/** Follows the crosshair without drawing the axis anew. */
function Reading(): JSX.Element {
  const label = useRef<HTMLDivElement>(null);
  useSignalEffect(() => {
    const element = label.current;
    if (element === null) return;
    const step = hoveredStep.value;
    const width = axisWidth.value;
    const x = step === null ? -1 : middleAt(steps.value, axisScale.value, step);
    const shown = step !== null && x >= 0 && x <= width;
    element.hidden = !shown;
    if (shown) element.textContent = formatCount(step);
    const half = shown ? element.offsetWidth / 2 : 0;
    clearLabels(element, shown ? x : null, half + LABEL_ROOM);
    const left = Math.max(-GUTTER / 4, Math.min(width - 2 * half + 12, x - half));
    element.style.transform = `translateX(${Math.round(left)}px)`;
  });
  return <div ref={label} class="time-axis-reading tabular" hidden aria-hidden="true" />;
}

/** Labels that the reading would cover in part are not shown beside it. */
function clearLabels(reading: Element, x: number | null, room: number): void {
  const labels = reading.parentElement?.querySelectorAll<SVGTextElement>('text[data-x]') ?? [];
  for (const label of labels) {
    const near = x !== null && Math.abs(Number(label.dataset.x) - x) < room;
    label.style.visibility = near ? 'hidden' : '';
  }
}

function pinUnder(x: number): number | null {
  if (!showPins.peek()) return null;
  const [all, scale] = [steps.peek(), axisScale.peek()];
  const near = pins
    .peek()
    .map((step) => ({ step, away: Math.abs(middleAt(all, scale, step) - x) }))
    .sort((one, other) => one.away - other.away)[0];
  return near && near.away <= PIN_REACH ? near.step : null;
}

/** Labels at the ends stay on the axis. */
function anchorOf(x: number, width: number): 'start' | 'middle' | 'end' {
  if (x < 16) return 'start';
  return x > width - 16 ? 'end' : 'middle';
}

function valueText(step: number | null): string {
  if (step === null) return 'no steps yet';
  const pinned = pins.value.includes(step) ? ', pinned' : '';
  return `${axisWord.value.toLowerCase()} ${formatCount(step)}${pinned}`;
}
