/** The colours of the rows' charts. */
import {
  divergingTable,
  missingColor,
  sequentialTable,
  steps,
  type Theme,
} from '../../scales/color';
import type { BoxStyle } from './box';
import type { HorizonStyle } from './horizon';
import type { LineStyle } from './line';
import type { NotFiniteStyle } from './not-finite';

export interface ChartStyle {
  readonly horizon: HorizonStyle;
  readonly box: BoxStyle;
  readonly line: LineStyle;
  /** Of bands of |x/w|, smallest first. */
  readonly bands: readonly string[];
  readonly missing: string;
  readonly hatch: string;
  readonly notFinite: NotFiniteStyle;
}

export interface StyleChoice {
  readonly theme: Theme;
  readonly horizonBands: number;
  readonly mirror: boolean;
  /** Whether values can be negative. */
  readonly signed: boolean;
  readonly ratioBands: number;
}

/** Shares of a table of colours: a first band that is seen, a last one that is the strongest. */
const UNSIGNED_RANGE = [0.26, 0.95] as const;
const SIGNED_RANGE = [0.3, 0.95] as const;
const HATCH: Readonly<Record<Theme, string>> = { light: '#b5b8bd', dark: '#757575' };
/** As error, card and error-soft of the tokens. */
const NOT_FINITE: Readonly<Record<Theme, NotFiniteStyle>> = {
  light: { edge: '#b3261e', stripe: '#ffffff', ground: '#fdecea' },
  dark: { edge: '#ffb0a6', stripe: '#3a3a3a', ground: '#4a3533' },
};
/** As the mark of the tokens: seen beside the line. */
const BEYOND: Readonly<Record<Theme, string>> = { light: '#d50032', dark: '#ff4d6a' };
const ZERO: Readonly<Record<Theme, string>> = { light: '#dadce0', dark: '#555555' };

export function chartStyle(choice: StyleChoice): ChartStyle {
  const { theme, horizonBands, mirror, signed, ratioBands } = choice;
  const [missing, beyond] = [missingColor(theme), BEYOND[theme]];
  const table = sequentialTable(theme);
  const tone = (share: number) => toneOf(table, share);
  return {
    horizon: {
      above: bandColors(theme, horizonBands, signed ? 1 : 0),
      below: bandColors(theme, horizonBands, -1),
      mirror,
      missing,
    },
    box: {
      range: tone(0.24),
      whisker: tone(0.68),
      box: tone(0.52),
      mean: tone(0.95),
      beyond,
      missing,
    },
    line: { stroke: tone(0.7), zero: ZERO[theme], beyond, missing },
    bands: steps(theme, ratioBands),
    missing,
    hatch: HATCH[theme],
    notFinite: NOT_FINITE[theme],
  };
}

/** Magnitudes have the sequential colours, signed values both sides of the diverging ones. */
function bandColors(theme: Theme, count: number, sign: -1 | 0 | 1): readonly string[] {
  const [from, to] = sign === 0 ? UNSIGNED_RANGE : SIGNED_RANGE;
  const table = sign === 0 ? sequentialTable(theme) : divergingTable(theme);
  return Array.from({ length: count }, (_, band) => {
    const share = count === 1 ? (from + to) / 2 : from + ((to - from) * band) / (count - 1);
    return toneOf(table, sign === 0 ? share : 0.5 + (sign * share) / 2);
  });
}

function toneOf(table: readonly string[], share: number): string {
  return table[Math.round(share * (table.length - 1))] as string;
}
