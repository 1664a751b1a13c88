/** Round steps on the time axis, and how they are written. */
import { ticks } from 'd3-array';
import { indexAt, middleAt, type StepScale } from './steps';

const NO_BREAK_SPACE = '\u00a0';
const UNITS: readonly (readonly [number, string])[] = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
];
/** Smaller numbers are as short without a unit: `1,400`. */
const WITH_UNIT = 10_000;
/** With more decimals than this a smaller unit is read more easily. */
const DECIMALS_MOST = 2;
const SPACING = 84;

export interface StepTick {
  readonly step: number;
  readonly x: number;
  readonly label: string;
}

/** Where what is of their steps stands; none before the first step, and none after the last. */
export function stepTicks(scale: StepScale): readonly StepTick[] {
  const { steps, range, width } = scale;
  const place = (step: number) => middleAt(steps, scale, step);
  // The column before reaches into sight where a mark between its step and the next one does.
  const first = steps[indexAt(steps, range[0]) - 1] ?? range[0];
  const end = Math.min(scale.invert(width), steps.at(-1) ?? range[1]);
  const across = Math.min(width, place(end)) - Math.max(0, place(first));
  const count = Math.max(2, Math.floor(across / SPACING));
  const shown = ticks(first, end, count)
    .filter(Number.isInteger)
    .map((step) => ({ step, x: place(step) }))
    .filter(({ x }) => x >= 0 && x <= width);
  const label = stepFormat(shown.map(({ step }) => step));
  return shown.map(({ step, x }) => ({ step, x, label: label(step) }));
}

/** All in one unit, with as many decimals as tell neighbours apart: `0`, `250 k`, `500 k`. */
export function stepFormat(steps: readonly number[]): (step: number) => string {
  const largest = Math.max(...steps.map(Math.abs), 0);
  const gap = smallestGap(steps);
  const fits = ([size]: readonly [number, string]) =>
    largest >= Math.max(size, WITH_UNIT) && decimalsOf(gap / size) <= DECIMALS_MOST;
  const unit = UNITS.find(fits);
  const [size, name] = unit ?? [1, ''];
  const decimals = decimalsOf(gap / size);
  const format = new Intl.NumberFormat('en-US', {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
  return (step) => {
    if (step === 0) return '0';
    return name === ''
      ? format.format(step)
      : `${format.format(step / size)}${NO_BREAK_SPACE}${name}`;
  };
}

function smallestGap(steps: readonly number[]): number {
  const gaps = steps.slice(1).map((step, index) => step - (steps[index] as number));
  return gaps.length === 0 ? (steps[0] ?? 1) : Math.min(...gaps);
}

function decimalsOf(gap: number): number {
  for (let decimals = 0; decimals < 9; decimals += 1) {
    const scaled = gap * 10 ** decimals;
    if (Math.abs(scaled - Math.round(scaled)) < 1e-6 && scaled >= 0.999) return decimals;
  }
  return 9;
}
