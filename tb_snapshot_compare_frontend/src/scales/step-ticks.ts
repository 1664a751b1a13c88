/** Round steps on the time axis, and how they are written. */
import { ticks } from 'd3-array';
import type { StepScale } from './steps';

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

export function stepTicks(scale: StepScale): readonly StepTick[] {
  const [first, end] = [scale.invert(0), scale.invert(scale.width)];
  const count = Math.max(2, Math.floor(scale.width / SPACING));
  const whole = ticks(first, end, count).filter(Number.isInteger);
  const label = stepFormat(whole);
  return whole.map((step) => ({ step, x: scale.x(step), label: label(step) }));
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
