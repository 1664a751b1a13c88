/**
 * Colour scales, one set per theme. All are interpolated in OKLab, so that lightness is monotonic
 * for normal and for colour-deficient vision; the diverging centre is the surface colour, so
 * "no change" disappears in both themes. Tables have 257 entries: an odd number has a centre.
 */
import { contrast, ramp } from './oklab';

export type Theme = 'light' | 'dark';
export type ColorScale = (value: number | null) => string;

const ENTRIES = 257;

const ANCHORS = {
  light: {
    sequential: ['#ffffff', '#c7e0e6', '#7fb9c9', '#3a83a8', '#22517f', '#1b2350'],
    diverging: ['#08306b', '#2f7fbc', '#a6cee3', '#ffffff', '#f9c28f', '#d9681d', '#7f2704'],
    activation: ['#eef3ee', '#b9dcb4', '#6fbb7c', '#2f8f55', '#11613a', '#053a22'],
    steps: ['#fbc98f', '#f39a4a', '#d96a12', '#9f4205', '#552003'],
    missing: '#dadce0',
  },
  dark: {
    sequential: ['#3a3a3a', '#2f4d66', '#2f7494', '#4fa5ad', '#9bd3b6', '#f4f7d0'],
    diverging: ['#b3dcff', '#5aa9e6', '#2a5f8f', '#3a3a3a', '#8f4a1c', '#ef8a3c', '#ffd9a8'],
    activation: ['#424842', '#35583f', '#3a7f50', '#57ab68', '#93d18f', '#dcf6cf'],
    steps: ['#8a5124', '#b56823', '#e58a34', '#fcb873', '#ffe9cc'],
    missing: '#4d4d4d',
  },
} as const;

type ScaleName = 'sequential' | 'diverging' | 'activation';

const tables = new Map<string, readonly string[]>();

function table(theme: Theme, name: ScaleName): readonly string[] {
  const key = `${theme} ${name}`;
  const known = tables.get(key);
  if (known) return known;
  const made = ramp(ANCHORS[theme][name], ENTRIES);
  tables.set(key, made);
  return made;
}

/** The 257 colours of the sequential scale, lowest value first. */
export function sequentialTable(theme: Theme): readonly string[] {
  return table(theme, 'sequential');
}

/** The 257 colours of the diverging scale, most negative value first; entry 128 is zero. */
export function divergingTable(theme: Theme): readonly string[] {
  return table(theme, 'diverging');
}

/** The 257 greens for the difference of activations, lowest value first. */
export function activationTable(theme: Theme): readonly string[] {
  return table(theme, 'activation');
}

/** For magnitudes: surface colour at `domain[0]`, strongest at `domain[1]`; clamped outside. */
export function sequential(theme: Theme, domain: readonly [number, number]): ColorScale {
  const [lower, upper] = domain;
  const colors = sequentialTable(theme);
  const span = upper - lower;
  return lookup(colors, missingColor(theme), (value) => {
    if (span > 0) return (value - lower) / span;
    return value > upper ? 1 : 0;
  });
}

/** For signed values: surface colour at 0, blue at `-limit`, orange at `+limit`; clamped outside. */
export function diverging(theme: Theme, limit: number): ColorScale {
  const colors = divergingTable(theme);
  return lookup(colors, missingColor(theme), (value) => {
    if (limit > 0) return (value / limit + 1) / 2;
    return (Math.sign(value) + 1) / 2;
  });
}

/** `count` ordered oranges, weakest first; none of them fades into the surface. */
export function steps(theme: Theme, count: number): string[] {
  const anchors = ANCHORS[theme].steps;
  return count === 1 ? [anchors[1]] : ramp(anchors, count);
}

/** What null and NaN are painted with: a grey that no scale contains; hatching shows on it. */
export function missingColor(theme: Theme): string {
  return ANCHORS[theme].missing;
}

/** Black or white text for a `#rrggbb` background, at a WCAG contrast of at least 4.5. */
export function inkOn(color: string): string {
  return contrast(color, '#202124') >= 4.5
    ? '#202124'
    : contrast(color, '#ffffff') >= 4.5
      ? '#ffffff'
      : '#000000';
}

function lookup(
  colors: readonly string[],
  missing: string,
  position: (value: number) => number,
): ColorScale {
  const last = colors.length - 1;
  return (value) => {
    if (value === null || Number.isNaN(value)) return missing;
    const index = Math.round(Math.min(1, Math.max(0, position(value))) * last);
    return colors[index] ?? missing;
  };
}
