/** Kernels of the fixtures' network as the server would answer for them, computed on demand. */
import type {
  AreaDistribution,
  KernelLevel,
  KernelMap,
  KernelSlice,
  Located,
} from '../../src/client/types';
import { halfToNumber } from '../../src/scales/half';
import { LAYERS, measuresOf } from './fixtures';

type Order = 'index' | 'difference' | 'similarity';

export interface KernelShape {
  readonly rows: number;
  readonly columns: number;
  readonly cellRows: number;
  readonly cellColumns: number;
}

const TILE = 256;
const LARGEST_HALF = 65_504;

/** Kernels of tests beside those of the network, by layer. */
export const MORE_KERNELS = new Map<string, readonly number[]>([
  ['bench', [3, 3, 512, 512]],
  ['huge', [25_088, 4096]],
]);

export function shapeOf(layer: string, tensor: string): KernelShape {
  const kernel = MORE_KERNELS.get(layer) ?? LAYERS.find(({ name }) => name === layer)?.kernel ?? [];
  if (tensor.endsWith('/bias')) {
    return { rows: 1, columns: kernel.at(-1) ?? 1, cellRows: 1, cellColumns: 1 };
  }
  return {
    rows: kernel.at(-2) ?? 1,
    columns: kernel.at(-1) ?? 1,
    cellRows: kernel.length === 4 ? (kernel[0] ?? 1) : 1,
    cellColumns: kernel.length === 4 ? (kernel[1] ?? 1) : 1,
  };
}

/** The weight of a, at a position of the map in stored order. */
export function valueA(row: number, column: number): number {
  return 0.08 * noise(row, column, 1) * (0.3 + noise(0, column >> 3, 7) ** 2);
}

/** b - a; NaN for one weight, to be seen as such. */
export function change(row: number, column: number): number {
  if (row === 4 && column === 4) return Number.NaN;
  return 0.02 * noise(row, column, 2) * (0.2 + Math.abs(noise(row >> 4, column >> 4, 3)));
}

/** Weights whose change is positive and large count as lying in any chosen cell. */
export function isLocated(row: number, column: number): boolean {
  return change(row, column) > 0.012;
}

export function kernelMapOf(layer: string, query: URLSearchParams): KernelMap {
  const tensor = query.get('tensor') ?? `${layer}/kernel`;
  const shape = shapeOf(layer, tensor);
  const { rows, columns, cellRows, cellColumns } = shape;
  const kernel = MORE_KERNELS.get(layer) ?? LAYERS.find(({ name }) => name === layer)?.kernel ?? [];
  const names = [`${layer}/kernel`, `${layer}/bias`];
  const scale = (quantity: string, low: number, high: number, robust: number) => ({
    quantity,
    low,
    high,
    robust,
    unit: 1,
  });
  return {
    layer,
    tensor,
    role: 'kernel',
    kind: cellRows * cellColumns > 1 ? 'conv' : 'dense',
    dtype_a: 'float32',
    dtype_b: 'float32',
    shape: tensor.endsWith('/bias') ? [columns] : [...kernel],
    rows,
    columns,
    cell_rows: cellRows,
    cell_columns: cellColumns,
    row_word: rows === 1 ? 'bias' : 'input channel',
    column_word: cellRows * cellColumns > 1 ? 'filter' : 'unit',
    cell_word: cellRows * cellColumns > 1 ? `${cellRows} × ${cellColumns} slice` : 'weight',
    rows_are_channels: rows > 1,
    columns_are_channels: true,
    measure: query.get('measure') ?? 'l2',
    tile: TILE,
    levels: levelsOf(shape),
    scales: [
      scale('difference', 0, 0.02, 0.014),
      scale('signed', -0.02, 0.02, 0.013),
      scale('relative', 0, 2, 1.6),
      scale('a', -0.1, 0.1, 0.06),
      scale('b', -0.1, 0.1, 0.062),
    ],
    tensors: names.map((name) => ({
      name,
      role: name.endsWith('bias') ? 'bias' : 'kernel',
      shape: name.endsWith('bias') ? [columns] : [...kernel],
      compared: true,
    })),
    rows_by: (query.get('rows_by') ?? 'index') as Order,
    columns_by: (query.get('columns_by') ?? 'index') as Order,
    note: null,
  };
}

export function tilesOf(layer: string, query: URLSearchParams): ArrayBuffer {
  const map = kernelMapOf(layer, query);
  const quantity = query.get('quantity') ?? 'difference';
  const order = {
    rows: orderOf(map.rows, map.rows_by),
    columns: orderOf(map.columns, map.columns_by),
  };
  const tiles = (query.get('tiles') ?? '').split(',').map((text) => {
    const [level = 0, tileRow = 0, tileColumn = 0] = text.split('.').map(Number);
    const { rows, columns, pixel_rows, pixel_columns } = map.levels[level] as KernelLevel;
    const high = Math.min(TILE, rows - tileRow * TILE);
    const wide = Math.min(TILE, columns - tileColumn * TILE);
    const bits = new Uint16Array(high * wide);
    for (let row = 0; row < high; row += 1) {
      for (let column = 0; column < wide; column += 1) {
        const top = (tileRow * TILE + row) * pixel_rows;
        const left = (tileColumn * TILE + column) * pixel_columns;
        bits[row * wide + column] = toHalf(
          pooled(map, order, quantity, { top, left, pixel_rows, pixel_columns }),
        );
      }
    }
    return bits;
  });
  const all = new Uint16Array(tiles.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const tile of tiles) {
    all.set(tile, at);
    at += tile.length;
  }
  return all.buffer;
}

/** Safetensors with the vectors `rows` and `columns`. */
export function placesOf(layer: string, query: URLSearchParams): ArrayBuffer {
  const map = kernelMapOf(layer, query);
  const rows = orderOf(map.rows, map.rows_by);
  const columns = orderOf(map.columns, map.columns_by);
  const header = JSON.stringify({
    rows: { dtype: 'I32', shape: [rows.length], data_offsets: [0, rows.length * 4] },
    columns: {
      dtype: 'I32',
      shape: [columns.length],
      data_offsets: [rows.length * 4, (rows.length + columns.length) * 4],
    },
  });
  const length = Math.ceil(header.length / 8) * 8;
  const buffer = new ArrayBuffer(8 + length + (rows.length + columns.length) * 4);
  new DataView(buffer).setBigUint64(0, BigInt(length), true);
  new Uint8Array(buffer, 8, length).fill(0x20).set(new TextEncoder().encode(header));
  const values = new Int32Array(buffer, 8 + length);
  values.set(rows);
  values.set(columns, rows.length);
  return buffer;
}

export function sliceOf(layer: string, query: URLSearchParams): KernelSlice {
  const tensor = query.get('tensor') ?? `${layer}/kernel`;
  const { cellRows, cellColumns } = shapeOf(layer, tensor);
  const row = Number(query.get('row'));
  const column = Number(query.get('column'));
  const block = (value: (row: number, column: number) => number) =>
    Array.from({ length: cellRows }, (_, y) =>
      Array.from({ length: cellColumns }, (_, x) =>
        finite(value(row * cellRows + y, column * cellColumns + x)),
      ),
    );
  return {
    tensor,
    row,
    column,
    index: [':', ':', String(row), String(column)],
    a: block(valueA),
    b: block((y, x) => valueA(y, x) + change(y, x)),
    difference: block(change),
    texts_a: {},
    texts_b: {},
    measures: measuresOf(0.02, cellRows * cellColumns),
  };
}

export function locatedOf(layer: string, query: URLSearchParams): Located {
  const tensor = query.get('tensor') ?? `${layer}/kernel`;
  const { rows, columns, cellRows, cellColumns } = shapeOf(layer, tensor);
  const slices = new Set<number>();
  let weights = 0;
  for (let row = 0; row < rows * cellRows; row += 1) {
    for (let column = 0; column < columns * cellColumns; column += 1) {
      if (!isLocated(row, column)) continue;
      weights += 1;
      slices.add(Math.floor(row / cellRows) * columns + Math.floor(column / cellColumns));
    }
  }
  return { tensor, weights, slices: slices.size, slices_total: rows * columns };
}

export function areaDistributionOf(layer: string, query: URLSearchParams): AreaDistribution {
  const bins = Number(query.get('bins'));
  const levels = Number(query.get('levels'));
  const tensor = query.get('tensor') ?? `${layer}/kernel`;
  const { cellRows, cellColumns } = shapeOf(layer, tensor);
  const size = (name: string) => {
    const [first = 0, last = 0] = (query.get(name) ?? '').split('-').map(Number);
    return last - first + 1;
  };
  const total = size('rows') * size('columns') * cellRows * cellColumns;
  const middle = Math.floor(bins * 0.7);
  const counts = Array.from({ length: bins }, (_, bin) =>
    Array.from({ length: levels }, (_, level) =>
      Math.round((total * Math.exp(-((bin - middle) ** 2) / 6 - level)) / 6.7),
    ),
  );
  const counted = counts.flat().reduce((sum, count) => sum + count, 0);
  return { tensor, counts, total: counted, excluded: 0 };
}

export function levelsOf({ rows, columns, cellRows, cellColumns }: KernelShape): KernelLevel[] {
  const levels: KernelLevel[] = [];
  if (cellRows * cellColumns > 1) {
    levels.push({
      rows: rows * cellRows,
      columns: columns * cellColumns,
      pixel_rows: 1,
      pixel_columns: 1,
    });
  }
  for (let pool = 1; ; pool *= 2) {
    const level = {
      rows: Math.ceil(rows / pool),
      columns: Math.ceil(columns / pool),
      pixel_rows: cellRows * pool,
      pixel_columns: cellColumns * pool,
    };
    levels.push(level);
    if (level.rows <= TILE && level.columns <= TILE) return levels;
  }
}

interface PixelArea {
  readonly top: number;
  readonly left: number;
  readonly pixel_rows: number;
  readonly pixel_columns: number;
}

/** Samples large pixels: a fixture need not be exact where nothing is compared. */
function pooled(
  map: KernelMap,
  order: { rows: Int32Array; columns: Int32Array },
  quantity: string,
  { top, left, pixel_rows, pixel_columns }: PixelArea,
): number {
  const down = Math.max(1, Math.floor(pixel_rows / (3 * map.cell_rows)));
  const across = Math.max(1, Math.floor(pixel_columns / (3 * map.cell_columns)));
  let sum = 0;
  let squares = 0;
  let count = 0;
  let marked = 0;
  for (let y = top; y < Math.min(top + pixel_rows, map.rows * map.cell_rows); y += down) {
    for (
      let x = left;
      x < Math.min(left + pixel_columns, map.columns * map.cell_columns);
      x += across
    ) {
      const row = stored(y, map.cell_rows, order.rows);
      const column = stored(x, map.cell_columns, order.columns);
      const [a, delta] = [valueA(row, column), change(row, column)];
      if (isLocated(row, column)) marked += 1;
      const value = {
        a,
        b: a + delta,
        relative: (2 * Math.abs(delta)) / (Math.abs(a) + Math.abs(a + delta)),
      }[quantity];
      const used = value ?? delta;
      sum += used;
      squares += used ** 2;
      count += 1;
    }
  }
  if (quantity === 'located') return marked;
  if (quantity === 'relative') return sum / count;
  const size = Math.sqrt(squares / count);
  return quantity === 'difference' ? size : Math.sign(sum) * size;
}

function stored(position: number, cell: number, order: Int32Array): number {
  return (order[Math.floor(position / cell)] as number) * cell + (position % cell);
}

/** Any fixed permutation does. */
export function orderOf(count: number, order: Order): Int32Array {
  return Int32Array.from({ length: count }, (_, place) =>
    order === 'index' ? place : count - 1 - place,
  );
}

export function toHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.min(LARGEST_HALF, Math.abs(value));
  if (magnitude < 2 ** -14) return sign | Math.round(magnitude * 2 ** 24);
  const exponent = Math.floor(Math.log2(magnitude));
  const fraction = Math.round((magnitude / 2 ** exponent - 1) * 1024);
  const bits = sign | ((exponent + 15) << 10);
  return fraction === 1024 ? bits + 1024 : bits | fraction;
}

/** What a value is once it has been on the wire. */
export function onWire(value: number): number {
  return halfToNumber(toHalf(value));
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/** -1 to 1, the same for the same place. */
function noise(row: number, column: number, seed: number): number {
  let mixed =
    Math.imul(row + 1, 0x9e3779b1) ^ Math.imul(column + 1, 0x85ebca6b) ^ (seed * 0x27d4eb2f);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  mixed = Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39);
  return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 31 - 1;
}
