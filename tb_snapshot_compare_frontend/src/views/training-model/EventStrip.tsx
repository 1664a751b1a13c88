import type { JSX } from 'preact';
import { GUTTER, MARGIN } from '../../scales/steps';
import { events, marks, width } from './model';
import type { MarkKind } from './strips';

const HEIGHT = 22;

/** Told apart by shape as well as by colour. */
const SHAPES: Readonly<Record<MarkKind, string>> = {
  snapshot: 'M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0',
  anomaly: 'M0-4.5 4.5 3.5h-9Z',
  nan: 'M-3.5-3.5 3.5 3.5M-3.5 3.5 3.5-3.5',
  lost: 'M-5 0h3m4 0h3M-1.5-3.5l3 7',
  resumed: 'M0-8V8M0-4 5 0 0 4Z',
  probe: 'M-3.5-3.5h7v7h-7Z',
};

const NAMES: Readonly<Record<MarkKind, string>> = {
  snapshot: 'snapshot',
  anomaly: 'anomaly',
  nan: 'not finite',
  lost: 'lost',
  resumed: 'resumed',
  probe: 'probe left out',
};

/** Of the marks that there are. */
export function EventKey(): JSX.Element {
  const kinds = new Set(events.value.map(({ kind }) => kind));
  return (
    <>
      {(Object.keys(SHAPES) as MarkKind[])
        .filter((kind) => kinds.has(kind))
        .map((kind) => (
          <span key={kind} class="model-key">
            <svg width="12" height="12" viewBox="-6 -6 12 12" aria-hidden="true">
              <path class="event-mark" data-kind={kind} d={SHAPES[kind]} />
            </svg>
            {NAMES[kind]}
          </span>
        ))}
    </>
  );
}

/** What the recording noted: snapshots, anomalies, a training that was resumed. */
export function EventStrip(): JSX.Element {
  return (
    <svg
      class="model-strip model-events"
      width={GUTTER + width.value + MARGIN}
      height={HEIGHT}
      aria-hidden="true"
    >
      <text class="model-name" x={12} y={15}>
        Events
      </text>
      <line
        class="model-grid"
        x1={GUTTER}
        x2={GUTTER + width.value}
        y1={HEIGHT / 2 + 0.5}
        y2={HEIGHT / 2 + 0.5}
      />
      {marks.value.map(({ x, kind, step }) => (
        <path
          key={step}
          class="event-mark"
          data-kind={kind}
          d={SHAPES[kind]}
          transform={`translate(${(GUTTER + x).toFixed(1)} ${HEIGHT / 2})`}
        />
      ))}
    </svg>
  );
}
