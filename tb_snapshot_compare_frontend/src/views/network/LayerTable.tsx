/** The layers and all their measures as a table: sorted by any column, drawn only where seen. */
import { type Signal, useComputed, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { memo } from '../../elements/memo';
import { useRowWindow } from '../../elements/use-row-window';
import { inkOn } from '../../scales/color';
import { formatCount, formatMeasure, formatShape, MISSING } from '../../scales/format';
import { difference, METRICS } from '../../state/metrics';
import { hoveredLayer, layer, type Metric, metric, selectLayer } from '../../state/selection';
import { jumpTo } from './Diagram';
import * as model from './model';
import {
  type ColumnKey,
  type LayerRow,
  largestMeasures,
  layerRows,
  type Sorting,
  sortRows,
} from './table-rows';
import { SIDE_WORDS } from './words';

const ROW = 28;
const HEADER = 32;

interface Column {
  readonly key: ColumnKey;
  readonly label: string;
  readonly title?: string;
  readonly number: boolean;
}

const COLUMNS: readonly Column[] = [
  { key: 'name', label: 'Layer', number: false },
  { key: 'kind', label: 'Kind', number: false },
  { key: 'shape', label: 'Output', number: false },
  { key: 'parameters', label: 'Weights', number: true },
  ...METRICS.map(({ key, label, description }) => ({
    key,
    label,
    title: description,
    number: true,
  })),
];

export function LayerTable() {
  const scroller = useRef<HTMLDivElement>(null);
  const sorting = useSignal<Sorting>({ key: 'order', descending: false });
  const focused = useSignal<string | null>(null);
  const rows = useComputed(() =>
    sortRows(layerRows(model.layers.value, model.differences.value), sorting.value),
  );
  const search = model.query.value.trim() !== '';
  const found = useComputed(() => new Set(model.found.value.map(({ name }) => name)));
  const shown = search ? rows.value.filter((row) => found.value.has(row.layer.name)) : rows.value;
  const { first, end } = useRowWindow(scroller, shown.length, ROW);
  const tops = useComputed(() => largestMeasures(rows.value)).value;
  const tabStop = shown.some((row) => row.layer.name === focused.value)
    ? focused.value
    : shown.some((row) => row.layer.name === layer.value)
      ? layer.value
      : (shown[0]?.layer.name ?? null);

  function sortBy(column: Column): void {
    const { key, descending } = sorting.value;
    if (key !== column.key) sorting.value = { key: column.key, descending: column.number };
    else if (descending === column.number) sorting.value = { key, descending: !descending };
    else sorting.value = { key: 'order', descending: false };
  }

  function focusRow(index: number): void {
    const row = shown[Math.max(0, Math.min(shown.length - 1, index))];
    const element = scroller.current;
    if (!row || !element) return;
    focused.value = row.layer.name;
    const top = shown.indexOf(row) * ROW;
    if (top < element.scrollTop) element.scrollTop = top;
    const bottom = top + ROW + HEADER;
    if (bottom > element.scrollTop + element.clientHeight)
      element.scrollTop = bottom - element.clientHeight;
    requestAnimationFrame(() =>
      requestAnimationFrame(() =>
        element
          .querySelector<HTMLElement>(`[data-row="${CSS.escape(row.layer.name)}"]`)
          ?.focus({ preventScroll: true }),
      ),
    );
  }

  function onKeyDown(event: KeyboardEvent): void {
    const name = (event.target as Element).closest<HTMLElement>('[data-row]')?.dataset.row;
    if (name === undefined) return;
    const at = shown.findIndex((row) => row.layer.name === name);
    const height = scroller.current?.clientHeight ?? 0;
    const page = Math.max(1, Math.floor(height / ROW) - 2);
    const moves: Record<string, number> = {
      ArrowUp: at - 1,
      ArrowDown: at + 1,
      PageUp: at - page,
      PageDown: at + page,
      Home: 0,
      End: shown.length - 1,
    };
    const next = moves[event.key];
    if (next !== undefined) focusRow(next);
    else if (event.key === 'Enter' || event.key === ' ') choose(name);
    else if (event.key === 'Escape' && layer.value !== null) selectLayer(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  useEffect(() => {
    const index = shown.findIndex((row) => row.layer.name === layer.value);
    if (index >= 0 && scroller.current) scroller.current.scrollTop = Math.max(0, (index - 3) * ROW);
  }, []);
  useEffect(() => {
    if (jumpTo.value === null) return;
    const index = shown.findIndex((row) => row.layer.name === jumpTo.value);
    jumpTo.value = null;
    if (index >= 0) focusRow(index);
  }, [jumpTo.value]);

  return (
    <div ref={scroller} class="net-table-scroll">
      <table class="net-table" aria-label="Layers" aria-rowcount={shown.length + 1}>
        <thead>
          <tr aria-rowindex={1}>
            {COLUMNS.map((column) => (
              <th
                key={column.key}
                scope="col"
                class={column.number ? 'net-number' : undefined}
                aria-sort={
                  sorting.value.key !== column.key
                    ? 'none'
                    : sorting.value.descending
                      ? 'descending'
                      : 'ascending'
                }
                data-current={column.key === metric.value ? '' : undefined}
              >
                <button type="button" title={column.title} onClick={() => sortBy(column)}>
                  {column.label}
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody onKeyDown={onKeyDown}>
          {first > 0 && <Spacer rows={first} />}
          {shown.slice(first, end).map((row, index) => (
            <Row
              key={row.layer.name}
              row={row}
              place={first + index + 2}
              selected={layer.value === row.layer.name}
              tabStop={row.layer.name === tabStop}
              tops={tops}
              focused={focused}
            />
          ))}
          {end < shown.length && <Spacer rows={shown.length - end} />}
        </tbody>
      </table>
      {shown.length === 0 && <p class="net-none">No layer matches “{model.query.value}”.</p>}
    </div>
  );
}

interface RowProps {
  readonly row: LayerRow;
  /** Among all rows, the header's is 1. */
  readonly place: number;
  readonly selected: boolean;
  readonly tabStop: boolean;
  readonly tops: ReadonlyMap<Metric, number>;
  readonly focused: Signal<string | null>;
}

/** Of many rows, choosing another layer changes two. */
const Row = memo(function Row({ row, place, selected, tabStop, tops, focused }: RowProps) {
  const { name, kind, output_shape, parameters, side } = row.layer;
  return (
    <tr
      data-row={name}
      tabIndex={tabStop ? 0 : -1}
      aria-rowindex={place}
      aria-selected={selected}
      onClick={() => choose(name)}
      onFocus={() => {
        focused.value = name;
      }}
      onPointerEnter={() => {
        hoveredLayer.value = name;
      }}
      onPointerLeave={() => {
        hoveredLayer.value = null;
      }}
    >
      <th scope="row" title={name}>
        {name}
      </th>
      <td>{side === 'both' ? kind : `${kind}, ${SIDE_WORDS[side]}`}</td>
      <td>{output_shape ? formatShape(output_shape) : MISSING}</td>
      <td class="net-number">{parameters > 0 ? formatCount(parameters) : MISSING}</td>
      {METRICS.map((info) => {
        const value = row.measures && difference(row.measures, info.key);
        const shaded = info.key === metric.value && value !== null;
        const fill = shaded ? model.color.value(value) : null;
        const share = value === null ? 0 : value / (tops.get(info.key) || 1);
        return (
          <td
            key={info.key}
            class="net-number"
            style={fill ? { background: fill, color: inkOn(fill) } : undefined}
          >
            {!shaded && share > 0 && <i style={{ width: `${(share * 100).toFixed(1)}%` }} />}
            <span>{formatMeasure(info.key, value, { padded: true })}</span>
          </td>
        );
      })}
    </tr>
  );
});

function choose(name: string): void {
  selectLayer(layer.value === name ? null : name);
}

function Spacer({ rows }: { readonly rows: number }) {
  return (
    <tr class="net-spacer" style={{ height: `${rows * ROW}px` }}>
      <td colSpan={COLUMNS.length} />
    </tr>
  );
}
