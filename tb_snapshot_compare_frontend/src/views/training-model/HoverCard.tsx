import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { stepWords } from '../../elements/axis-words';
import { Tooltip } from '../../elements/Tooltip';
import { formatCount } from '../../scales/format';
import { GUTTER, middleAt } from '../../scales/steps';
import { hoveredStep, pinMode, pins, steps } from '../../state/training';
import { CurveKey } from './CurveKey';
import { scale } from './model';
import { eventsAt, valuesAt } from './reading';

/** The plot, while the pointer or the keyboard is in it. */
export const pointed = signal<HTMLElement | null>(null);

const EVENTS_MOST = 5;

export function HoverCard(): JSX.Element | null {
  const step = hoveredStep.value;
  const frame = pointed.value?.getBoundingClientRect();
  if (step === null || frame === undefined) return null;
  const x = frame.left + GUTTER + middleAt(steps.value, scale.value, step);
  const events = eventsAt(step);
  return (
    <Tooltip anchor={{ x, y: frame.top, width: 0, height: frame.height }} side="below">
      <div class="model-card">
        <strong>{stepWords(step)}</strong>
        <dl class="tabular">
          {valuesAt(step).map(({ name, role, beside, text }) => (
            <div key={name}>
              <dt>
                {role ? <CurveKey role={role} beside={beside} width={18} /> : <i />}
                {name}
              </dt>
              <dd>{text}</dd>
            </div>
          ))}
        </dl>
        {events.slice(0, EVENTS_MOST).map(({ step: at, text }) => (
          <p key={`${at} ${text}`}>
            {at !== step && <span class="muted">{formatCount(at)}: </span>}
            {text}
          </p>
        ))}
        {events.length > EVENTS_MOST && (
          <p class="muted">
            and {formatCount(events.length - EVENTS_MOST)} more; zoom in to tell them apart
          </p>
        )}
        {pinMode.value && (
          <p class="muted">{pins.value.includes(step) ? 'Click to unpin' : 'Click to pin'}</p>
        )}
      </div>
    </Tooltip>
  );
}
