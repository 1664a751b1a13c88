/** What the convolution operation view adds to the address, and back within bounds. */
import { batch } from '@preact/signals';
import type { Area, KernelOrder, KernelQuantity, MapView, Span } from './selection';
import * as selection from './selection';

const QUANTITIES: readonly KernelQuantity[] = ['difference', 'signed', 'relative', 'a', 'b'];
const ORDERS: readonly KernelOrder[] = ['index', 'difference', 'similarity'];
const TEXT_MAX = 1024;
const PLACE_MAX = 2 ** 31 - 1;
const ZOOM_MAX = 1e6;

export interface KernelChoice {
  readonly mode: 'map' | 'table';
  readonly quantity: KernelQuantity;
  readonly rowsBy: KernelOrder;
  readonly columnsBy: KernelOrder;
  readonly tensor: string | null;
  readonly area: Area | null;
  readonly view: MapView | null;
}

export function currentKernel(): KernelChoice {
  return {
    mode: selection.kernelMode.value,
    quantity: selection.kernelQuantity.value,
    rowsBy: selection.rowsBy.value,
    columnsBy: selection.columnsBy.value,
    tensor: selection.kernelTensor.value,
    area: selection.area.value,
    view: selection.mapView.value,
  };
}

export function applyKernel(choice: KernelChoice): void {
  batch(() => {
    selection.kernelMode.value = choice.mode;
    selection.kernelQuantity.value = choice.quantity;
    selection.rowsBy.value = choice.rowsBy;
    selection.columnsBy.value = choice.columnsBy;
    selection.kernelTensor.value = choice.tensor;
    selection.area.value = choice.area;
    selection.mapView.value = choice.view;
  });
}

export function encodeKernel(choice: KernelChoice): Record<string, string | null> {
  const { mode, quantity, rowsBy, columnsBy, tensor, area, view } = choice;
  return {
    slices: mode === 'map' ? null : mode,
    show: quantity === 'difference' ? null : quantity,
    rows: rowsBy === 'index' ? null : rowsBy,
    columns: columnsBy === 'index' ? null : columnsBy,
    kernel: tensor,
    area: area && `${writeSpan(area.rows)},${writeSpan(area.columns)}`,
    view: view && [view.x, view.y, view.zoom].map((part) => Number(part.toPrecision(5))).join(','),
  };
}

/** Without a layer there is no map, and nothing chosen on it. */
export function decodeKernel(
  keys: Readonly<Record<string, string>>,
  layer: string | null,
): KernelChoice {
  const { kernel } = keys;
  return {
    mode: keys.slices === 'table' ? 'table' : 'map',
    quantity: QUANTITIES.find((entry) => entry === keys.show) ?? 'difference',
    rowsBy: ORDERS.find((entry) => entry === keys.rows) ?? 'index',
    columnsBy: ORDERS.find((entry) => entry === keys.columns) ?? 'index',
    tensor: layer !== null && kernel && kernel.length <= TEXT_MAX ? kernel : null,
    area: layer === null ? null : readArea(keys.area),
    view: layer === null ? null : readView(keys.view),
  };
}

/** `0-63,8-15`: rows, then columns. */
export function readArea(text: string | undefined): Area | null {
  const match = /^(\d{1,10})-(\d{1,10}),(\d{1,10})-(\d{1,10})$/.exec(text ?? '');
  if (!match) return null;
  const [top = 0, bottom = 0, left = 0, right = 0] = match.slice(1).map(Number);
  if (top > bottom || left > right || Math.max(bottom, right) > PLACE_MAX) return null;
  return { rows: [top, bottom], columns: [left, right] };
}

export function writeSpan([first, last]: Span): string {
  return `${first}-${last}`;
}

function readView(text: string | undefined): MapView | null {
  const [x, y, zoom, ...more] = (text ?? '').split(',').map(Number);
  if (x === undefined || y === undefined || zoom === undefined || more.length > 0) return null;
  const inside = x >= 0 && x <= 1 && y >= 0 && y <= 1 && zoom >= 1 && zoom <= ZOOM_MAX;
  return inside ? { x, y, zoom } : null;
}
