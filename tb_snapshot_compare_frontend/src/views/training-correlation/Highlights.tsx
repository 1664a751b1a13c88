/** Rows and columns under the pointer, and what was clicked: frames that do not tint the data. */
import type { JSX } from 'preact';
import type { Correlation } from '../../client/types';
import { GUTTER } from '../../scales/steps';
import * as state from '../../state/training';
import { iterationLeft, type Layout } from './layout';
import * as model from './model';
import { within } from './Names';
import { boxOf } from './places';
import type { Scrolled } from './use-scrolled';

export interface HighlightsProps {
  readonly known: Correlation;
  readonly layout: Layout;
  readonly sight: Scrolled;
  readonly top: number;
}

export type Frame = readonly [left: number, top: number, width: number, height: number];

export function Highlights({ known, layout, sight, top }: HighlightsProps): JSX.Element {
  const place = model.pointed.value?.place ?? null;
  const [width, height] = [layout.width - 1, layout.height - 1];
  const over: Frame[] = [
    ...layout.rows
      .filter(({ layer }) => within(layer, state.hoveredUnit.value))
      .map((row): Frame => [0, row.top, width, row.height - 1]),
    ...layout.columns
      .filter(({ classIndex }) => classIndex === state.hoveredClass.value)
      .map((column): Frame => [column.left, 0, column.width - 1, height]),
  ];
  return (
    <svg
      class="correlation-over"
      aria-hidden="true"
      width={sight.width}
      height={sight.height}
      viewBox={`${sight.left} ${sight.top} ${sight.width} ${sight.height}`}
      style={{ left: `${GUTTER}px`, top: `${top}px` }}
    >
      {chosenFrames(known, layout).map((frame) => (
        <Rect key={frame.join()} frame={frame} kind="chosen" />
      ))}
      {over.map((frame) => (
        <Rect key={frame.join()} frame={frame} kind="over" />
      ))}
      {place && <Rect frame={boxOf(layout, place)} kind="place" />}
    </svg>
  );
}

function Rect(props: { readonly frame: Frame; readonly kind: string }): JSX.Element {
  const [left, top, width, height] = props.frame;
  const shape = { x: left + 0.5, y: top + 0.5, width: Math.max(0, width - 1), height: height - 1 };
  return (
    <g class={`correlation-mark-${props.kind}`}>
      <rect class="correlation-halo" {...shape} />
      <rect {...shape} />
    </g>
  );
}

export function chosenFrames(known: Correlation, layout: Layout): readonly Frame[] {
  const chosen = model.chosen.value;
  if (chosen === null) return [];
  const classes = new Set(chosen.classes);
  const columns = layout.columns.filter(({ classIndex }) => classes.has(classIndex));
  const row = layout.rows.find(({ layer }) => layer === chosen.layer);
  if (!row) return columns.map(({ left, width }): Frame => [left, 0, width - 1, layout.height - 1]);
  const set = row.sets.find(
    ({ index }) => known.rows[row.row]?.sets[index]?.filters.join() === chosen.filters.join(),
  );
  if (!set) return columns.map(({ left, width }) => [left, row.top, width - 1, row.height - 1]);
  const steps = new Set(chosen.steps);
  const hit = known.rows[row.row]?.sets[set.index]?.columns ?? [];
  return hit.flatMap((column): Frame[] => {
    const band = columns.find(({ first, count }) => column >= first && column < first + count);
    if (!band || !steps.has(known.columns[column]?.step ?? Number.NaN)) return [];
    return [[iterationLeft(band, column, layout.unit), set.top - 1, layout.unit, set.height + 2]];
  });
}
