import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  diverging,
  divergingTable,
  inkOn,
  missingColor,
  sequential,
  sequentialTable,
  steps,
  type Theme,
} from '../../src/scales/color';
import {
  contrast,
  linearToOklab,
  oklabToLinear,
  parseHex,
  ramp,
  type Triple,
  toHex,
  toLinear,
} from '../../src/scales/oklab';

const THEMES: readonly Theme[] = ['light', 'dark'];

/** Machado, Oliveira and Fernandes 2009, severity 1, on linear channels; rows are r, g, b. */
const VISION: Readonly<Record<string, readonly [Triple, Triple, Triple]>> = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protan: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deutan: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritan: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

function seen(hex: string, vision: string): Triple {
  const linear = toLinear(parseHex(hex));
  const rows = VISION[vision] as readonly [Triple, Triple, Triple];
  const channel = (row: Triple) =>
    Math.max(0, row[0] * linear[0] + row[1] * linear[1] + row[2] * linear[2]);
  return linearToOklab([channel(rows[0]), channel(rows[1]), channel(rows[2])]);
}

const lightness = (hex: string, vision: string) => seen(hex, vision)[0];

function distance(one: string, other: string, vision: string): number {
  const [x, y] = [seen(one, vision), seen(other, vision)];
  return Math.hypot(x[0] - y[0], x[1] - y[1], x[2] - y[2]);
}

/** +1 when lightness rises at every step, -1 when it falls, 0 otherwise. Rounding may tie. */
function direction(colors: readonly string[], vision: string): number {
  const values = colors.map((hex) => lightness(hex, vision));
  const slack = 0.004;
  const pairs = values.slice(1).map((value, index) => value - (values[index] as number));
  if (pairs.every((change) => change > -slack)) return 1;
  return pairs.every((change) => change < slack) ? -1 : 0;
}

function surface(theme: Theme): string {
  const css = readFileSync('src/theme/tokens.css', 'utf8');
  const declared = [...css.matchAll(/--card: (#[0-9a-f]{3,6});/g)][theme === 'light' ? 0 : 1]?.[1];
  const hex = declared ?? '';
  return hex.length === 4 ? `#${[...hex.slice(1)].map((digit) => digit + digit).join('')}` : hex;
}

describe('OKLab', () => {
  test('a colour survives the way there and back', () => {
    for (const hex of ['#000000', '#ffffff', '#e65100', '#1560bd', '#3a3a3a']) {
      expect(ramp([hex, hex], 1)[0]).toBe(hex);
    }
  });

  test('white has lightness 1 and no hue', () => {
    const [lightnessOfWhite, a, b] = linearToOklab([1, 1, 1]);
    expect(lightnessOfWhite).toBeCloseTo(1, 5);
    expect(Math.hypot(a, b)).toBeLessThan(1e-4);
    expect(oklabToLinear([1, 0, 0])[1]).toBeCloseTo(1, 4);
  });

  test('channels outside the gamut are clamped', () => {
    expect(toHex([1.5, -1, 0.5])).toBe('#ff0080');
  });

  test('what is not a colour is named', () => {
    expect(() => parseHex('orange')).toThrow('not a #rrggbb colour: orange');
  });
});

describe.each(THEMES)('%s theme', (theme) => {
  test.each(Object.keys(VISION))(
    'the sequential scale is ordered by lightness for %s vision',
    (vision) => {
      const colors = sequentialTable(theme);
      expect(direction(colors, vision)).toBe(theme === 'light' ? -1 : 1);
      const span =
        lightness(colors[256] as string, vision) - lightness(colors[0] as string, vision);
      expect(Math.abs(span)).toBeGreaterThan(0.55);
    },
  );

  test.each(Object.keys(VISION))(
    'the orange steps are ordered by lightness for %s vision',
    (vision) => {
      for (const count of [2, 3, 5, 8, 32]) {
        expect(direction(steps(theme, count), vision)).toBe(theme === 'light' ? -1 : 1);
      }
    },
  );

  test.each(Object.keys(VISION))(
    'five neighbouring steps are told apart with %s vision',
    (vision) => {
      const colors = steps(theme, 5);
      for (let level = 1; level < 5; level += 1) {
        const gap = distance(colors[level - 1] as string, colors[level] as string, vision);
        expect(gap).toBeGreaterThan(0.07);
      }
    },
  );

  test.each(Object.keys(VISION))('mirrored changes are told apart with %s vision', (vision) => {
    const colors = divergingTable(theme);
    for (let offset = 32; offset <= 128; offset += 8) {
      const [negative, positive] = [colors[128 - offset], colors[128 + offset]];
      expect(distance(negative as string, positive as string, vision)).toBeGreaterThan(0.05);
    }
  });

  test('the diverging scale moves away from its centre on both sides', () => {
    const colors = divergingTable(theme);
    const outward = theme === 'light' ? -1 : 1;
    expect(direction(colors.slice(128), 'normal')).toBe(outward);
    expect(direction(colors.slice(0, 129).reverse(), 'normal')).toBe(outward);
  });

  test('no change has the colour of the surface', () => {
    expect(diverging(theme, 3)(0)).toBe(surface(theme));
    expect(sequential(theme, [0, 3])(0)).toBe(surface(theme));
  });

  test('thirty-two steps are thirty-two colours', () => {
    expect(new Set(steps(theme, 32)).size).toBe(32);
  });

  test('no step fades into the surface', () => {
    for (const count of [1, 2, 5, 32]) {
      for (const color of steps(theme, count)) {
        expect(contrast(color, surface(theme))).toBeGreaterThan(1.4);
      }
    }
  });

  test('null and NaN have a grey of their own', () => {
    const color = sequential(theme, [0, 1]);
    expect(color(null)).toBe(missingColor(theme));
    expect(color(Number.NaN)).toBe(missingColor(theme));
    expect(diverging(theme, 1)(null)).toBe(missingColor(theme));
    expect(sequentialTable(theme)).not.toContain(missingColor(theme));
    expect(divergingTable(theme)).not.toContain(missingColor(theme));
  });

  test('values outside the domain are clamped', () => {
    const color = sequential(theme, [1, 2]);
    expect(color(-9)).toBe(color(1));
    expect(color(Number.POSITIVE_INFINITY)).toBe(color(2));
    expect(diverging(theme, 1)(-5)).toBe(divergingTable(theme)[0]);
  });

  test('a domain without width still tells its value from more', () => {
    expect(sequential(theme, [0, 0])(0)).toBe(sequentialTable(theme)[0]);
    expect(sequential(theme, [0, 0])(1)).toBe(sequentialTable(theme)[256]);
    expect(diverging(theme, 0)(0)).toBe(divergingTable(theme)[128]);
  });

  test('text on every colour can be read', () => {
    for (const color of [
      ...sequentialTable(theme),
      ...divergingTable(theme),
      ...steps(theme, 32),
    ]) {
      expect(contrast(color, inkOn(color))).toBeGreaterThanOrEqual(4.5);
    }
  });
});
