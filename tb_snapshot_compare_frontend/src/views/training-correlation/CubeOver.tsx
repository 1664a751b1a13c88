/** Names of the cube's rows, and what is highlighted on its three faces. */
import type { JSX } from 'preact';
import type { Correlation } from '../../client/types';
import { fitText } from '../../elements/fit-text';
import { stepTicks } from '../../scales/step-ticks';
import { GUTTER, middleAt } from '../../scales/steps';
import * as state from '../../state/training';
import * as cube from './cube-model';
import { type Affine, apply, corners, FACE_GAP, type Point } from './cube-projection';
import { chosenFrames, type Frame } from './Highlights';
import type { ColumnBand, Layout } from './layout';
import * as model from './model';
import { within } from './Names';
import { boxOf } from './places';

/** Names nearer to one another are left out. */
const NAME_SPACING = 11;
const NAME_ROOM = GUTTER - 24;
const TICK = 4;
/** Beside the lower edge of the oblique right face, which rises. */
const CAPTION_SLANT = 12;
/** Names of classes keep this far from the face, and farther from its slanted edge. */
const NAME_GAP = 8;
const SLANTED_GAP = 6;
/** Above the cube, and below it for the steps. */
export const PADDING = 10;
export const AXIS = 26;

export function CubeNames({ layout }: { readonly layout: Layout }): JSX.Element {
  const { front, top, right } = cube.projection.value;
  const { time, layers, depth } = cube.size.value;
  const [overUnit, overClass] = [state.hoveredUnit.value, state.hoveredClass.value];
  const classes = spaced(
    layout.columns.map((column) => ({
      key: column.classIndex,
      at: apply(top, [0, column.left + column.width / 2]),
    })),
    overClass,
  );
  const bottom = apply(front, [0, layers])[1];
  const caption = apply(right, [depth / 2, layers]);
  const slant = cube.obliqueness.value;
  return (
    <>
      {classes.map(({ key, at: [x, y] }) => (
        <text
          key={`class ${key}`}
          class="correlation-name"
          data-over={overClass === key ? '' : undefined}
          x={x - NAME_GAP - slant * SLANTED_GAP}
          y={y + 4}
        >
          {fitText(model.className(key), 11, NAME_ROOM)}
        </text>
      ))}
      {layout.rows.map(({ layer, top: y, height }) => (
        <text
          key={layer}
          class="correlation-name correlation-name-layer"
          data-over={within(layer, overUnit) ? '' : undefined}
          x={-8}
          y={apply(front, [0, y + height / 2])[1] + 4}
        >
          {fitText(layer, 12, NAME_ROOM)}
        </text>
      ))}
      {stepTicks(cube.scale.value)
        .filter(({ x }) => x >= 0 && x <= time)
        .map(({ x, label }) => (
          <g key={label} class="correlation-tick">
            <line x1={x} x2={x} y1={bottom} y2={bottom + TICK} />
            <text x={x} y={bottom + TICK + 12}>
              {label}
            </text>
          </g>
        ))}
      <text
        class="correlation-caption"
        data-slanted={slant > 0 ? '' : undefined}
        x={caption[0] + slant * CAPTION_SLANT}
        y={caption[1] + TICK + 12}
      >
        {layout.columns.length === 1 ? '1 class' : `${layout.columns.length} classes`}
      </text>
    </>
  );
}

interface Named {
  readonly key: number;
  readonly at: Point;
}

/** Those that do not touch one another; the hovered one takes the place of its neighbours. */
export function spaced(names: readonly Named[], over: number | null): readonly Named[] {
  const first = names.find(({ key }) => key === over);
  const kept: Named[] = first ? [first] : [];
  for (const name of names) {
    if (name === first) continue;
    if (kept.every(({ at }) => Math.abs(at[1] - name.at[1]) >= NAME_SPACING)) kept.push(name);
  }
  return kept;
}

export function CubeHighlights(props: {
  readonly known: Correlation;
  readonly layout: Layout;
}): JSX.Element {
  const { known, layout } = props;
  const { front, right, top } = cube.projection.value;
  const { time, layers, depth } = cube.size.value;
  const chosen = model.chosen.value;
  const place = model.pointed.value?.place ?? null;
  const rows = layout.rows.filter(({ layer }) => within(layer, state.hoveredUnit.value));
  const columns = layout.columns.filter(
    ({ classIndex }) => classIndex === state.hoveredClass.value,
  );
  const keptRow = layout.rows.find(({ layer }) => layer === chosen?.layer);
  const keptColumns = layout.columns.filter(({ classIndex }) =>
    chosen?.classes.includes(classIndex),
  );
  return (
    <>
      <TimeLines />
      {keptRow && (
        <Outline kind="chosen" on={front} frame={[0, keptRow.top, time, keptRow.height]} />
      )}
      {keptColumns.map(({ place: key, left, width }) => (
        <Outline key={key} kind="chosen" on={top} frame={[0, left, time, width]} />
      ))}
      {chosenFrames(known, layout).map((frame) => (
        <Outline key={frame.join()} kind="chosen" on={right} frame={frame} />
      ))}
      {rows.map(({ layer, top: y, height }) => (
        <g key={layer}>
          <Outline kind="over" on={front} frame={[0, y, time, height]} />
          <Outline kind="over" on={right} frame={[0, y, depth, height]} />
        </g>
      ))}
      {columns.map((column) => (
        <g key={column.place}>
          <Outline kind="over" on={top} frame={[0, column.left, time, column.width]} />
          <Outline kind="over" on={right} frame={[column.left, 0, column.width, layers]} />
          {cube.obliqueness.value === 0 && <Turn column={column} />}
        </g>
      ))}
      {place && <Outline kind="place" on={right} frame={boxOf(layout, place)} />}
    </>
  );
}

function Outline(props: {
  readonly kind: string;
  readonly on: Affine;
  readonly frame: Frame;
}): JSX.Element {
  const points = corners(props.on, props.frame)
    .map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`)
    .join(' ');
  return (
    <g class={`correlation-mark-${props.kind}`}>
      <polygon class="correlation-halo" points={points} />
      <polygon points={points} />
    </g>
  );
}

/** From a class's row on top around the corner to its column on the right. */
function Turn({ column }: { readonly column: ColumnBand }): JSX.Element {
  const { time, depth } = cube.size.value;
  const middle = column.left + column.width / 2;
  const [y, x] = [depth - middle, time + FACE_GAP + middle];
  return <path class="correlation-turn" d={`M${time} ${y}H${x}V${depth + FACE_GAP}`} />;
}

/** The pinned steps and the crosshair, over front and top. */
function TimeLines(): JSX.Element {
  const hovered = state.hoveredStep.value;
  const pins = state.showPins.value ? state.pins.value : [];
  return (
    <>
      {pins.map((step) => (
        <TimeLine key={step} step={step} kind="pin" />
      ))}
      {hovered !== null && <TimeLine step={hovered} kind="cross" />}
    </>
  );
}

function TimeLine(props: { readonly step: number; readonly kind: string }): JSX.Element | null {
  const { front, top } = cube.projection.value;
  const { time, layers, depth } = cube.size.value;
  const x = middleAt(state.steps.value, cube.scale.value, props.step);
  if (x < 0 || x > time) return null;
  const path = (one: Point, other: Point) => `M${one.join(' ')}L${other.join(' ')}`;
  const lines =
    path(apply(front, [x, 0]), apply(front, [x, layers])) +
    path(apply(top, [x, 0]), apply(top, [x, depth]));
  return <path class={`correlation-time-${props.kind}`} d={lines} />;
}
