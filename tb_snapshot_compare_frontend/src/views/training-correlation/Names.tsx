/** Names of layers beside the rows, of classes and steps above the columns; only those in sight. */
import type { JSX } from 'preact';
import { fitText } from '../../elements/fit-text';
import { GUTTER } from '../../scales/steps';
import * as state from '../../state/training';
import { type Heads, nameRoom, stepLabel, WORD_SIZE } from './heads';
import type { ColumnBand, Layout } from './layout';
import * as model from './model';
import { columnsIn, middleOf, rowsIn } from './paint';
import type { Scrolled } from './use-scrolled';

const LAYER_ROOM = GUTTER - 24;

interface NamesProps {
  readonly layout: Layout;
  readonly sight: Scrolled;
}

interface HeadsProps extends NamesProps {
  readonly heads: Heads;
}

export function ColumnHeads({ layout, sight, heads }: HeadsProps): JSX.Element {
  const part = { left: sight.left, right: sight.left + sight.width, top: 0, bottom: 0 };
  const columns = columnsIn(layout, part);
  return (
    <div
      class="correlation-classes"
      aria-hidden="true"
      style={{ left: `${GUTTER}px`, width: `${sight.width}px`, height: `${heads.height}px` }}
    >
      {columns.map((column) => (
        <ClassName key={column.place} column={column} heads={heads} left={sight.left} />
      ))}
      {heads.steps && columns.map((column) => stepsOf(column, layout, sight, heads))}
      {layout.detailed && <PinnedMarks layout={layout} sight={sight} />}
    </div>
  );
}

function ClassName(props: {
  readonly column: ColumnBand;
  readonly heads: Heads;
  readonly left: number;
}): JSX.Element {
  const { classIndex, left, width } = props.column;
  const { lie, height } = props.heads.names;
  const name = model.className(classIndex);
  const kept = model.chosen.value?.classes ?? [];
  return (
    <span
      title={name}
      data-over={state.hoveredClass.value === classIndex ? '' : undefined}
      data-chosen={kept.includes(classIndex) ? '' : undefined}
      style={{ left: `${left - props.left}px`, width: `${width - 1}px` }}
      onPointerEnter={() => {
        state.hoveredClass.value = classIndex;
      }}
      onPointerLeave={() => {
        state.hoveredClass.value = null;
      }}
    >
      <i data-lie={lie} style={{ height: `${height}px` }}>
        {fitText(name, WORD_SIZE, nameRoom(props.heads.names, width))}
      </i>
    </span>
  );
}

/** The steps of a class's iterations. */
function stepsOf(
  { first, count }: ColumnBand,
  layout: Layout,
  sight: Scrolled,
  { names, steps }: Heads,
): readonly (JSX.Element | null)[] {
  const columns = model.known.value?.columns ?? [];
  return columns.slice(first, first + count).map(({ step }, at) => {
    const middle = middleOf(layout, first + at) - sight.left;
    if (middle < -layout.unit || middle > sight.width + layout.unit) return null;
    return (
      <i
        key={`step ${first + at}`}
        class="correlation-step tabular"
        data-lie={steps?.lie}
        style={{
          left: `${middle - layout.unit / 2}px`,
          top: `${names.height}px`,
          width: `${layout.unit}px`,
          height: `${steps?.height ?? 0}px`,
        }}
      >
        {stepLabel(step)}
      </i>
    );
  });
}

/** Above the anomaly iterations whose steps are pinned. */
function PinnedMarks({ layout, sight }: NamesProps): JSX.Element | null {
  const known = model.known.value;
  if (known === null || !state.showPins.value) return null;
  const pins = new Set(state.pins.value);
  return (
    <>
      {known.columns.map(({ step }, column) => {
        if (!pins.has(step)) return null;
        const x = middleOf(layout, column) - sight.left;
        if (x < 0 || x > sight.width) return null;
        return <b key={column} class="correlation-pin" style={{ left: `${x - 3}px` }} />;
      })}
    </>
  );
}

export function LayerNames(props: NamesProps & { readonly head: number }): JSX.Element {
  const { layout, sight, head } = props;
  const part = { left: 0, right: 0, top: sight.top, bottom: sight.top + sight.height };
  const over = state.hoveredUnit.value;
  const kept = model.chosen.value?.layer ?? null;
  return (
    <div
      class="correlation-layers"
      aria-hidden="true"
      style={{ top: `${head}px`, width: `${GUTTER}px`, height: `${sight.height}px` }}
    >
      {rowsIn(layout, part).map(({ row, layer, top, height }) => (
        <span
          key={row}
          title={layer}
          data-over={within(layer, over) ? '' : undefined}
          data-chosen={kept === layer ? '' : undefined}
          style={{ top: `${top - sight.top}px`, height: `${height - 1}px` }}
          onPointerEnter={() => {
            state.hoveredUnit.value = layer;
          }}
          onPointerLeave={() => {
            state.hoveredUnit.value = null;
          }}
        >
          {fitText(layer, 12, LAYER_ROOM)}
        </span>
      ))}
    </div>
  );
}

/** Whether a layer is the unit, or part of it. */
export function within(layer: string, unit: string | null): boolean {
  return unit !== null && unit !== '' && (layer === unit || layer.startsWith(`${unit}/`));
}
