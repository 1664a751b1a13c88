/** Everything that the model's charts say of a step, in words. */

import type { LogEvent, RateStage } from '../../client/types';
import { stepWords } from '../../elements/axis-words';
import { formatCount, formatFraction, formatNumber, MISSING } from '../../scales/format';
import { middleAt } from '../../scales/steps';
import { steps } from '../../state/training';
import { shortTitles } from '../../state/training-pair';
import { recordedAt } from './curve-geometry';
import type { LaneCurve, LaneKind, Role } from './lanes';
import { events, lanes, marks, rates, scale } from './model';
import { isPaired, otherRates } from './other';
import { rateAt, stepAfter } from './strips';

export interface ReadValue {
  readonly name: string;
  readonly role: Role | null;
  /** Whether it is of the run beside the one on show. */
  readonly beside: boolean;
  readonly text: string;
}

const EVENT_REACH = 5;

export function valuesAt(step: number): readonly ReadValue[] {
  const curves = lanes.value.flatMap(({ kind, curves }) =>
    curves.map((curve) => ({
      name: `${kind} · ${curve.label}`,
      role: curve.role,
      beside: curve.beside ?? false,
      text: readCurve(kind, curve, step),
    })),
  );
  return [
    ...rateValue('learning rate', rates.value, step),
    ...rateValue(`learning rate · ${shortTitles.value.other}`, otherRates.value, step),
    ...curves,
  ];
}

/** Beside a longer run, none after the end. */
function rateValue(name: string, stages: readonly RateStage[], step: number): ReadValue[] {
  const ended = isPaired.value && step > (stages.at(-1)?.last ?? step);
  const rate = ended ? null : rateAt(stages, step);
  return rate === null ? [] : [{ name, role: null, beside: false, text: formatNumber(rate) }];
}

/** Of the step's column, and those whose mark is under the crosshair. */
export function eventsAt(step: number): readonly LogEvent[] {
  const next = stepAfter(steps.value, step);
  const x = middleAt(steps.value, scale.value, step);
  const mark = marks.value.find((each) => Math.abs(each.x - x) <= EVENT_REACH);
  const own = events.value.filter((event) => event.step >= step && event.step < next);
  return toldOnce([...new Set([...own, ...(mark?.events ?? [])])]);
}

export function readAt(step: number): string {
  const values = valuesAt(step).map(({ name, text }) => `${name} ${text}`);
  return [stepWords(step), ...values, ...eventsAt(step).map(({ text }) => text)].join(', ');
}

/** Without those that another repeats: the snapshot of an anomaly says what the anomaly was. */
export function toldOnce(events: readonly LogEvent[]): readonly LogEvent[] {
  return events.filter(
    ({ text }, index) =>
      !events.some((other, place) =>
        other.text === text ? place < index : other.text.includes(text),
      ),
  );
}

/** Where it is of an earlier step, with that step. */
function readCurve(kind: LaneKind, curve: LaneCurve, step: number): string {
  const recorded = recordedAt(curve, step);
  if (recorded === null) return MISSING;
  const { value } = recorded;
  const text = value === null ? 'not finite' : valueWords(kind, value);
  const at = Math.round(recorded.step);
  return at === step ? text : `${text} at ${formatCount(at)}`;
}

function valueWords(kind: LaneKind, value: number): string {
  return kind === 'error' ? formatFraction(value) : formatNumber(value, 4);
}
