/** What marks the place under the pointer, or under the keyboard's cursor, without a new drawing. */
import type { Signal } from '@preact/signals';
import type { JSX, RefObject } from 'preact';
import { Tooltip } from '../../elements/Tooltip';
import type { Box } from '../../elements/tooltip-place';
import { GUTTER } from '../../scales/steps';
import { hoveredClass } from '../../state/training';
import { HoverCard } from './HoverCard';
import { LANE, type Line, otherKey } from './lines';
import * as model from './model';

/** Narrower columns could not be seen. */
const OUTLINE_MIN = 3;

export interface PointerProps {
  readonly lines: readonly Line[];
  readonly body: RefObject<HTMLElement | null>;
  /** Where the keyboard is, while it is used. */
  readonly cursor: Signal<model.Pointed | null>;
}

export function Pointer({ lines, body, cursor }: PointerProps): JSX.Element | null {
  const at = model.pointed.value ?? cursor.value;
  const line = at && lines.find(({ key }) => key === at.key);
  const column = at && line ? columnOf(line, at.pass) : null;
  if (!at || !line || !column || line.kind === 'rest') return null;
  const box = boxOf(line, at.row, column);
  const frame = body.current?.getBoundingClientRect();
  const anchor = frame && {
    ...box,
    x: frame.left + box.x,
    y: frame.top + box.y - LANE,
    height: box.height + 2 * LANE,
  };
  return (
    <>
      <div
        class="validation-cell"
        data-keyboard={model.pointed.value === null ? '' : undefined}
        style={{
          left: `${box.x}px`,
          top: `${box.y}px`,
          width: `${box.width}px`,
          height: `${box.height}px`,
        }}
      />
      <Tooltip anchor={anchor ?? null}>
        <HoverCard line={line} at={at} />
      </Tooltip>
    </>
  );
}

function columnOf(line: Line, pass: number): Box | null {
  const { columns } = model.axisOf(line);
  const column = columns[pass - (columns[0]?.index ?? 0)];
  if (!column) return null;
  const left = Math.max(0, column.left);
  const right = Math.min(model.chartWidth.value, column.right);
  const width = Math.max(OUTLINE_MIN, right - left);
  return { x: (left + right - width) / 2, y: 0, width, height: 0 };
}

function boxOf(line: Line, row: number | null, column: Box): Box {
  const top = line.top + line.chartTop;
  const cell = line.kind === 'images' && row !== null ? line.cell : null;
  return {
    x: GUTTER + column.x,
    width: column.width,
    y: cell === null ? top : top + (row ?? 0) * cell,
    height: cell ?? line.chartHeight,
  };
}

/** The row of the class that is pointed at, here or in another view. */
export function ClassBand({ lines }: { readonly lines: readonly Line[] }): JSX.Element | null {
  const hovered = hoveredClass.value;
  if (hovered === null) return null;
  const key = `class-${hovered}`;
  const rows = lines.filter((line) => line.key === key || line.key === otherKey(key));
  const [first] = rows;
  if (!first) return null;
  const height = rows.reduce((sum, line) => sum + line.height, 0);
  return <div class="validation-band" style={{ top: `${first.top}px`, height: `${height}px` }} />;
}
