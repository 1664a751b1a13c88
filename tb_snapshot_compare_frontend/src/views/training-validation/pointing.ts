/** What lies at a place of the rows. */
import { type Column, indexAt, type StepScale } from '../../scales/steps';
import type { Side, Triangle } from './anomalies';
import { LANE, type Line, type Spot, spotAt } from './lines';
import { markUnder, placeMarks } from './triangles';

export interface PointingQuery {
  readonly lines: readonly Line[];
  /** The passes of a line's run, and those in sight as columns. */
  readonly axis: (line: Line) => {
    readonly passes: readonly number[];
    readonly columns: readonly Column[];
  };
  readonly scale: StepScale;
  /** Of a line in sight; empty where none are drawn. */
  readonly marks: (line: Line) => readonly Triangle[];
}

export interface PointedAt extends Spot {
  /** Null beside the charts. */
  readonly pass: number | null;
  readonly mark: Triangle | null;
}

/** `x` from the left edge of the charts, `y` from the top of the content. */
export function pointAt(query: PointingQuery, x: number, y: number): PointedAt | null {
  const spot = spotAt(query.lines, y);
  if (!spot) return null;
  const mark = markAt(query, spot, x);
  return { ...spot, mark, pass: mark?.pass ?? passAt(query, spot.line, x) };
}

/** Only of the passes in sight, and none where the line's run has ended. */
export function passAt({ axis, scale }: PointingQuery, line: Line, x: number): number | null {
  const { passes, columns } = axis(line);
  const last = columns.at(-1);
  if (x < 0 || x > scale.width || last === undefined) return null;
  const pass = indexAt(passes, scale.invert(x));
  const [within, beyond] = [x <= Math.max(last.right, last.left + 1), pass > last.index];
  return pass < (columns[0]?.index ?? 0) || beyond || !within ? null : pass;
}

function markAt(query: PointingQuery, { line, y }: Spot, x: number): Triangle | null {
  const side: Side | null =
    y < 0 && y >= -LANE
      ? 'left'
      : y >= line.chartHeight && y < line.chartHeight + LANE
        ? 'right'
        : null;
  if (side === null || line.chartHeight === 0) return null;
  const { columns } = query.axis(line);
  return markUnder(placeMarks(query.marks(line), columns, query.scale.width), side, x);
}
