/** Blocks of the learning-rate strip, and the marks of what happened. */
import type { LogEvent, RateStage, Training } from '../../client/types';
import { indexAt, middleAt, type StepScale } from '../../scales/steps';

export interface RateBlock {
  readonly stage: RateStage;
  readonly left: number;
  readonly width: number;
}

/**
 * A stage lasts to where the next one's first step stands; the first begins with its column, and the
 * last ends with its own.
 */
export function rateBlocks(
  rates: readonly RateStage[],
  steps: readonly number[],
  scale: StepScale,
): readonly RateBlock[] {
  return rates.flatMap((stage, index) => {
    const next = rates[index + 1];
    const from = index === 0 ? scale.x(stage.first) : middleAt(steps, scale, stage.first);
    const end = next ? middleAt(steps, scale, next.first) : scale.x(stepAfter(steps, stage.last));
    const [left, right] = [Math.max(0, from), Math.min(scale.width, end)];
    return right <= 0 || left >= scale.width || right <= left
      ? []
      : [{ stage, left, width: Math.max(1, right - left) }];
  });
}

export function rateAt(rates: readonly RateStage[], step: number): number | null {
  return rates.findLast(({ first }) => first <= step)?.value ?? null;
}

export type MarkKind = LogEvent['kind'];

export interface EventMark {
  readonly x: number;
  /** Of the column that it stands for. */
  readonly step: number;
  /** The gravest of those at this place. */
  readonly kind: MarkKind;
  readonly events: readonly LogEvent[];
}

const GRAVITY: readonly MarkKind[] = ['nan', 'anomaly', 'lost', 'probe', 'resumed', 'snapshot'];
/** Marks that are closer than this are one. */
const APART = 7;

/** What was noted, and the sessions and the snapshots that there are beside it. */
export function eventsOf(
  { events, sessions, snapshots }: Pick<Training, 'events' | 'sessions' | 'snapshots'>,
  stepWords: (step: number) => string,
): LogEvent[] {
  const said = (kind: MarkKind) =>
    new Set(events.filter((event) => event.kind === kind).map(({ step }) => step));
  const [resumedAt, savedAt] = [said('resumed'), said('snapshot')];
  const resumed = sessions
    .slice(1)
    .filter(({ first_step }) => !resumedAt.has(first_step))
    .map(
      ({ first_step, started, writer }): LogEvent => ({
        step: first_step,
        time: started,
        kind: 'resumed',
        text: `Training was ${first_step > 1 ? 'resumed' : 'begun anew'} by ${writer}.`,
      }),
    );
  const saved = snapshots
    .filter(({ step }) => !savedAt.has(step))
    .map(
      ({ step }): LogEvent => ({
        step,
        time: 0,
        kind: 'snapshot',
        text: `There is a snapshot of ${stepWords(step)}.`,
      }),
    );
  return [...events, ...resumed, ...saved].sort((one, other) => one.step - other.step);
}

/** Marks in sight, neighbours that would overlap put together. */
export function eventMarks(
  events: readonly LogEvent[],
  steps: readonly number[],
  scale: StepScale,
): readonly EventMark[] {
  const marks: { x: number; step: number; events: LogEvent[] }[] = [];
  for (const event of events) {
    const x = middleAt(steps, scale, event.step);
    if (x < 0 || x > scale.width) continue;
    const last = marks.at(-1);
    if (last && x - last.x < APART) last.events.push(event);
    else marks.push({ x, step: event.step, events: [event] });
  }
  return marks.map((mark) => {
    const kind = GRAVITY.find((each) => mark.events.some((event) => event.kind === each));
    const gravest = mark.events.find((event) => event.kind === kind);
    return { ...mark, step: gravest?.step ?? mark.step, kind: kind ?? 'snapshot' };
  });
}

/** Where the column of a step ends. */
export function stepAfter(steps: readonly number[], step: number): number {
  const place = indexAt(steps, step);
  const [own, next] = [steps[place] ?? step, steps[place + 1]];
  if (next !== undefined) return next;
  return own + (own - (steps[place - 1] ?? own - 1));
}
