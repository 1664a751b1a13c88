/**
 * Numbers as text, the same on every machine: English grouping, a real minus sign (U+2212) and a
 * no-break space before units. Null and NaN are an en dash.
 */
import { metricInfo } from '../state/metrics';
import type { ShadeKey } from '../state/selection';

export const MISSING = '–';
const NO_BREAK_SPACE = '\u00a0';
const MINUS = '\u2212';

const GROUPED = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const inDigits = madeOnce((least: number, most: number) => ({
  minimumSignificantDigits: least,
  maximumSignificantDigits: most,
}));

const inDecimals = madeOnce((decimals: number) => ({
  minimumFractionDigits: decimals,
  maximumFractionDigits: decimals,
}));
const SI_UNITS: readonly (readonly [number, string])[] = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
];
const BYTE_UNITS = ['kB', 'MB', 'GB', 'TB', 'PB'];

export interface NumberOptions {
  /** Keep zeros at the end, for columns of numbers: `47.0` below `31.5`. */
  readonly padded?: boolean;
}

/** A layer's difference in the words of its metric. */
export function formatMeasure(
  metric: ShadeKey,
  value: number | null,
  options: NumberOptions = {},
): string {
  const { kind } = metricInfo(metric);
  if (kind === 'count') return formatCount(value);
  if (kind === 'fraction') return formatFraction(value, 3, options);
  return formatNumber(value, 4, options);
}

/** `884,736`; compact `0.88 M`, `12.3 k`. */
export function formatCount(
  count: number | null,
  options: { readonly compact?: boolean } = {},
): string {
  if (count === null || Number.isNaN(count)) return MISSING;
  if (!Number.isFinite(count)) return infinity(count);
  return options.compact ? compactCount(count) : withMinus(GROUPED.format(count));
}

/** Plain between 0.001 and 1,000,000, else E-notation: `0.0123`, `4,567`, `1.23e−5`. */
export function formatNumber(
  value: number | null,
  significant = 3,
  { padded = false }: NumberOptions = {},
): string {
  if (value === null || Number.isNaN(value)) return MISSING;
  if (!Number.isFinite(value)) return infinity(value);
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude < 1e-3 || magnitude >= 1e6)) {
    return scientific(value, significant, padded);
  }
  const digits = Math.max(significant, Math.floor(Math.log10(magnitude || 1)) + 1);
  const least = padded && value !== 0 ? significant : 1;
  return withMinus(inDigits(least, Math.min(21, digits)).format(value));
}

/** A share of 1 in percent: `24.6 %`, `0.042 %`, `< 0.001 %`. */
export function formatFraction(
  fraction: number | null,
  significant = 3,
  options: NumberOptions = {},
): string {
  if (fraction === null || Number.isNaN(fraction)) return MISSING;
  const percent = fraction * 100;
  const unit = `${NO_BREAK_SPACE}%`;
  if (percent !== 0 && Math.abs(percent) < 1e-3) {
    return percent > 0
      ? `<${NO_BREAK_SPACE}0.001${unit}`
      : `>${NO_BREAK_SPACE}${MINUS}0.001${unit}`;
  }
  return formatNumber(percent, significant, options) + unit;
}

/** `[null, 55, 55, 96]` -> `55 × 55 × 96`: the batch axis is left out, other unknown sizes are ?. */
export function formatShape(shape: readonly (number | null)[] | null): string {
  if (shape === null) return MISSING;
  const sizes = shape[0] === null ? shape.slice(1) : shape;
  if (sizes.length === 0) return 'scalar';
  return sizes.map((size) => (size === null ? '?' : GROUPED.format(size))).join(' × ');
}

/** Decimal units, as file managers show them: `512 B`, `1.5 MB`. */
export function formatBytes(bytes: number | null): string {
  if (bytes === null || Number.isNaN(bytes)) return MISSING;
  if (Math.abs(bytes) < 1000) return `${formatCount(bytes)}${NO_BREAK_SPACE}B`;
  let value = bytes / 1000;
  let unit = 0;
  while (Math.abs(value) >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${formatNumber(value, 3)}${NO_BREAK_SPACE}${BYTE_UNITS[unit]}`;
}

/** With its sign, zero without: `+0.0123`, `−0.0123`, `0`. */
export function formatSigned(value: number | null, significant = 3): string {
  const text = formatNumber(value, significant);
  return value !== null && value > 0 ? `+${text}` : text;
}

/** Labels for equally spaced ticks of one axis: all with the same decimals or the same exponent. */
export function tickFormat(ticks: readonly number[]): (tick: number) => string {
  const largest = Math.max(...ticks.map(Math.abs), 0);
  const step = smallestGap(ticks) || largest || 1;
  if (largest === 0) return () => '0';
  const exponent = Math.floor(Math.log10(largest));
  if (exponent >= -4 && exponent < 6) {
    const decimals = decimalsOf(step);
    const format = inDecimals(decimals);
    return (tick) => (isZero(tick, step) ? '0' : withMinus(format.format(tick)));
  }
  const decimals = decimalsOf(step / 10 ** exponent);
  return (tick) =>
    isZero(tick, step)
      ? '0'
      : withMinus(`${(tick / 10 ** exponent).toFixed(decimals)}e${exponent}`);
}

/** Labels for ticks that count things: `0`, `250`, `1.5 k`, `400 k`, `2 M`. */
export function countTickFormat(tick: number): string {
  const unit = SI_UNITS.find(([size]) => Math.abs(tick) >= size);
  if (!unit) return formatNumber(tick, 3);
  return formatNumber(tick / unit[0], 4) + NO_BREAK_SPACE + unit[1];
}

/** To make a format takes many times as long as to use it. */
function madeOnce<Digits extends readonly number[]>(
  options: (...digits: Digits) => Intl.NumberFormatOptions,
): (...digits: Digits) => Intl.NumberFormat {
  const known = new Map<string, Intl.NumberFormat>();
  return (...digits) => {
    const key = digits.join(' ');
    const format = known.get(key) ?? new Intl.NumberFormat('en-US', options(...digits));
    known.set(key, format);
    return format;
  };
}

function compactCount(count: number): string {
  const magnitude = Math.abs(count);
  if (magnitude < 1e4) return formatCount(count);
  // From 100,000 on in millions: parameters are counted in millions.
  const unit = SI_UNITS.find(([size]) => magnitude >= (size === 1e6 ? 1e5 : size));
  if (!unit) return formatCount(count);
  const value = count / unit[0];
  const significant = Math.abs(value) < 1 ? 2 : 3;
  return formatNumber(Number(value.toPrecision(significant)), 4) + NO_BREAK_SPACE + unit[1];
}

function scientific(value: number, significant: number, padded: boolean): string {
  const [mantissa = '', exponent = ''] = value.toExponential(significant - 1).split('e');
  const trimmed = mantissa.includes('.') && !padded ? mantissa.replace(/\.?0+$/, '') : mantissa;
  return withMinus(`${trimmed}e${exponent.replace('+', '')}`);
}

function smallestGap(ticks: readonly number[]): number {
  const sorted = [...ticks].sort((x, y) => x - y);
  const gaps = sorted
    .slice(1)
    .map((tick, index) => tick - (sorted[index] as number))
    .filter((gap) => gap > 0);
  return gaps.length === 0 ? 0 : Math.min(...gaps);
}

/** Decimals that tell multiples of the step apart (2.5e-3 needs four). */
function decimalsOf(step: number): number {
  for (let decimals = 0; decimals < 12; decimals += 1) {
    const scaled = step * 10 ** decimals;
    if (Math.abs(scaled - Math.round(scaled)) < 1e-6 * Math.max(1, scaled) && scaled >= 0.999) {
      return decimals;
    }
  }
  return 12;
}

function isZero(tick: number, step: number): boolean {
  return Math.abs(tick) < step * 1e-9;
}

function infinity(value: number): string {
  return value > 0 ? '∞' : `${MINUS}∞`;
}

function withMinus(text: string): string {
  return text.replaceAll('-', MINUS);
}
