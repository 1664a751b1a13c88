/** What strips and pixels are painted with. */
import { accuracyColors } from '../../scales/accuracy';
import { missingColor, type Theme } from '../../scales/color';
import { ramp } from '../../scales/oklab';
import { type ColorTable, packTable } from './raster';

const ANCHORS = {
  light: {
    cells: ['#f0a25c', '#f3e6d8', '#e2ecf3', '#7db3d8'],
    classes: ['#e69f00', '#cc79a7', '#009e73', '#d55e00', '#a58f00'],
    other: '#9aa0a6',
  },
  dark: {
    cells: ['#c46a24', '#5a4434', '#3a4d5c', '#3f83bb'],
    classes: ['#e69f00', '#cc79a7', '#00b585', '#d9651a', '#d8c840'],
    other: '#8a9095',
  },
} as const;

/** The colours of wrong, and those of correct predictions. */
const HALF = 128;

/** By error, so that series of errors are painted as they are. */
export function errorTable(theme: Theme): ColorTable {
  return packTable([...accuracyColors(theme)].reverse(), missingColor(theme));
}

/** Wrong at 0, correct at 1; what lies between is several passes behind one pixel. */
export function outcomeTable(theme: Theme): ColorTable {
  const [wrong, less, more, correct] = ANCHORS[theme].cells;
  const colors = [...ramp([wrong, less], HALF), ...ramp([more, correct], HALF)];
  return packTable(colors, missingColor(theme));
}

export function probabilityTable(theme: Theme): ColorTable {
  return packTable(accuracyColors(theme), missingColor(theme));
}

export interface CellColors {
  readonly wrong: string;
  readonly correct: string;
  readonly unknown: string;
}

export function cellColors(theme: Theme): CellColors {
  const [wrong, , , correct] = ANCHORS[theme].cells;
  return { wrong, correct, unknown: missingColor(theme) };
}

/** Of the true class, of the most frequent others, and of all further ones. */
export function classColors(theme: Theme): {
  readonly truth: string;
  readonly others: readonly string[];
  readonly rest: string;
} {
  const { classes, other } = ANCHORS[theme];
  return { truth: cellColors(theme).correct, others: classes, rest: other };
}
