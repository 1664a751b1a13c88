/**
 * Crosshair and pins over all charts: one layer that the pointer goes through. A moved crosshair
 * changes two transforms and draws nothing anew.
 */
import { useSignalEffect } from '@preact/signals';
import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import { GUTTER, indexAt, MARGIN, middleAt } from '../../scales/steps';
import { hoveredStep, newestPin, pins, showPins, steps } from '../../state/training';
import { axisScale, axisWidth, SECTION_EDGE } from './scale';

/** Columns that are wider are marked as a whole. */
const BAND_LEAST = 5;

export function Overlay(): JSX.Element {
  return (
    <div
      class="chart-overlay"
      aria-hidden="true"
      style={{ left: `${GUTTER + SECTION_EDGE}px`, right: `${MARGIN + SECTION_EDGE}px` }}
    >
      {showPins.value && <PinLines />}
      <Crosshair />
    </div>
  );
}

function PinLines(): JSX.Element {
  const scale = axisScale.value;
  const all = steps.value;
  const width = axisWidth.value;
  return (
    <>
      {pins.value.map((step) => {
        const x = middleAt(all, scale, step);
        if (x < 0 || x > width) return null;
        return (
          <div
            key={step}
            class="pin-line"
            data-newest={step === newestPin.value ? '' : undefined}
            style={{ transform: `translateX(${x.toFixed(1)}px)` }}
          />
        );
      })}
    </>
  );
}

function Crosshair(): JSX.Element {
  const line = useRef<HTMLDivElement>(null);
  const band = useRef<HTMLDivElement>(null);
  useSignalEffect(() => {
    if (line.current === null || band.current === null) return;
    const step = hoveredStep.value;
    const scale = axisScale.value;
    const x = step === null ? -1 : middleAt(steps.value, scale, step);
    const shown = step !== null && x >= 0 && x <= axisWidth.value;
    line.current.hidden = !shown;
    const { left, width } = shown ? columnBox(step) : { left: 0, width: 0 };
    band.current.hidden = width < BAND_LEAST;
    if (!shown) return;
    line.current.style.transform = `translateX(${Math.round(x)}px)`;
    if (width < BAND_LEAST) return;
    band.current.style.transform = `translateX(${left.toFixed(1)}px)`;
    band.current.style.width = `${width.toFixed(1)}px`;
  });
  return (
    <>
      <div ref={band} class="crosshair-band" hidden />
      <div ref={line} class="crosshair" hidden />
    </>
  );
}

function columnBox(step: number): { readonly left: number; readonly width: number } {
  const [all, scale] = [steps.peek(), axisScale.peek()];
  const place = indexAt(all, step);
  const from = all[place];
  if (from === undefined) return { left: 0, width: 0 };
  const next = all[place + 1];
  const left = scale.x(from);
  return { left, width: (next === undefined ? scale.width : scale.x(next)) - left };
}
