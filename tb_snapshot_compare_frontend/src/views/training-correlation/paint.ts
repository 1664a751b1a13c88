/** The drawing of layers against classes, without its names. */
import type { Correlation } from '../../client/types';
import { type ColorScale, inkOn } from '../../scales/color';
import { formatCount } from '../../scales/format';
import { bandOfColumn, iterationLeft, type Layout, type RowBand } from './layout';
import type { Pen } from './pen';
import { rodsOf } from './places';

export interface PaintColors {
  readonly count: ColorScale;
  readonly block: string;
  readonly rule: string;
}

/** Part of the drawing; lines that reach into it are drawn whole. */
export interface Sight {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Wide enough for four digits. */
const NUMBER_FROM = 36;
const ROD_WIDTH = 1;
/** Narrower iterations leave less between blocks. */
const INSET_FROM = 5;
/** A line is as thick as this part of its blocks is high. */
const LINE_PART = 4;
const LINE_FAINTEST = 0.12;
const LINE_STRONGEST = 0.7;

export function paintLayout(
  pen: Pen,
  known: Correlation,
  layout: Layout,
  sight: Sight,
  colors: PaintColors,
): void {
  paintRules(pen, layout, sight, colors.rule);
  if (layout.detailed) paintSets(pen, known, layout, sight, colors.block);
  else paintCells(pen, known, layout, sight, colors.count);
}

/** Each cell leaves a pixel to the next; wide ones say their number. */
function paintCells(
  pen: Pen,
  known: Correlation,
  layout: Layout,
  sight: Sight,
  color: ColorScale,
): void {
  for (const { row, top, height } of rowsIn(layout, sight)) {
    const distinct = known.rows[row]?.distinct ?? [];
    for (const { place, left, width } of columnsIn(layout, sight)) {
      const count = distinct[place] ?? 0;
      if (count === 0) continue;
      pen.rect(left, top, width - 1, height - 1, color(count));
      if (width < NUMBER_FROM) continue;
      const [x, y] = [left + (width - 1) / 2, top + (height - 1) / 2];
      pen.text(x, y, formatCount(count), inkOn(color(count)));
    }
  }
}

function paintRules(pen: Pen, layout: Layout, sight: Sight, color: string): void {
  const [right, bottom] = [
    Math.min(sight.right, layout.width),
    Math.min(sight.bottom, layout.height),
  ];
  for (const { top, height } of rowsIn(layout, sight)) {
    pen.rect(sight.left, top + height - 1, right - sight.left, 1, color);
  }
  for (const { left, width } of columnsIn(layout, sight)) {
    pen.rect(left + width - 1, sight.top, 1, bottom - sight.top, color);
  }
}

function paintSets(
  pen: Pen,
  known: Correlation,
  layout: Layout,
  sight: Sight,
  color: string,
): void {
  const weight = heaviest(known);
  const inset = layout.unit >= INSET_FROM ? 1 : 0.5;
  const rods = rodsOf(known, layout);
  for (const band of rowsIn(layout, sight)) paintLines(pen, known, layout, band, weight, color);
  for (const { first, count } of columnsIn(layout, sight)) {
    for (let column = first; column < first + count; column += 1) {
      const reach = rods.get(column);
      if (!reach) continue;
      const x = middleOf(layout, column) - ROD_WIDTH / 2;
      pen.rect(Math.round(x), reach.from, ROD_WIDTH, reach.to - reach.from, color, 0.4);
    }
  }
  for (const { row, sets } of rowsIn(layout, sight)) {
    for (const { index, top, height } of sets) {
      for (const column of known.rows[row]?.sets[index]?.columns ?? []) {
        const band = bandOfColumn(layout, column);
        if (!band || band.left + band.width < sight.left || band.left > sight.right) continue;
        const left = iterationLeft(band, column, layout.unit);
        pen.rect(left + inset, top, layout.unit - 2 * inset, height, color);
      }
    }
  }
}

/** As thick as the set has filters, stronger the more often it occurs. */
function paintLines(
  pen: Pen,
  known: Correlation,
  layout: Layout,
  { row, sets }: RowBand,
  weight: number,
  color: string,
): void {
  for (const { index, top, height } of sets) {
    const set = known.rows[row]?.sets[index];
    const [first, last] = [set?.columns[0], set?.columns.at(-1)];
    if (!set || first === undefined || last === undefined || first === last) continue;
    const [from, to] = [middleOf(layout, first), middleOf(layout, last)];
    const thick = Math.round((set.filters.length * layout.filter) / LINE_PART);
    const y = Math.floor(top + (height - thick) / 2);
    pen.rect(from, y, to - from, thick, color, lineOpacity(set, weight));
  }
}

type Weighed = Correlation['rows'][number]['sets'][number];

function weightOf({ filters, columns }: Weighed): number {
  return filters.length * columns.length;
}

/** Occurrences x size of the heaviest set. */
export function heaviest(known: Correlation): number {
  let most = 0;
  for (const { sets } of known.rows) {
    for (const set of sets) most = Math.max(most, weightOf(set));
  }
  return most;
}

export function lineOpacity(set: Weighed, most: number): number {
  const share = most > 0 ? weightOf(set) / most : 0;
  return LINE_FAINTEST + (LINE_STRONGEST - LINE_FAINTEST) * share;
}

/** The middle of an anomaly iteration. */
export function middleOf(layout: Layout, column: number): number {
  const band = bandOfColumn(layout, column);
  return band ? iterationLeft(band, column, layout.unit) + layout.unit / 2 : 0;
}

export function rowsIn(layout: Layout, { top, bottom }: Sight) {
  return layout.rows.filter((row) => row.top + row.height > top && row.top < bottom);
}

export function columnsIn(layout: Layout, { left, right }: Sight) {
  return layout.columns.filter(
    (column) => column.left + column.width > left && column.left < right,
  );
}
