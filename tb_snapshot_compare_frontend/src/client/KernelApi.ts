/** The routes of the convolution operation view as typed functions. */
import type { Client, Decode } from './Client';

import { readIntegers } from './safetensors';
import type { AreaDistribution, KernelMap, KernelPlaces, KernelSlice, Located } from './types';
import { type Follow, json, type PairOf, pairQuery } from './wire';

export interface TensorQuery {
  readonly layer: string;
  /** Null takes the layer's largest. */
  readonly tensor: string | null;
}

/** What lies where on the map. */
export interface MapQuery extends TensorQuery {
  readonly measure: string;
  readonly rowsBy: string;
  readonly columnsBy: string;
}

/** Chosen cells of a distribution. */
export interface CellsQuery {
  readonly bins: number;
  readonly levels: number;
  /** As `bins.levels`, e.g. `0-9.2-4,12.0`. */
  readonly cells: string;
  /** Whose distribution the cells are of. */
  readonly whole: 'layer' | 'tensor';
}

export interface TilesQuery {
  readonly quantity: string;
  /** `level.row.column,...` in tiles. */
  readonly tiles: string;
  /** For the quantity `located`. */
  readonly cells: CellsQuery | null;
}

export interface AreaQuery extends Omit<CellsQuery, 'cells'> {
  /** First and last place, e.g. `0-63`. */
  readonly rows: string;
  readonly columns: string;
}

export class KernelApi {
  constructor(private readonly client: Client) {}

  map(pair: PairOf, query: MapQuery, follow: Follow = {}): Promise<KernelMap> {
    const url = `kernel?${pairQuery(pair, mapParameters(query))}`;
    return this.client.get({ url, decode: json<KernelMap>, immutable: true, ...follow });
  }

  places(pair: PairOf, query: MapQuery, follow: Follow = {}): Promise<KernelPlaces> {
    const url = `kernel_order?${pairQuery(pair, mapParameters(query))}`;
    return this.client.get({ url, decode: places, immutable: true, ...follow });
  }

  /** Not kept: whoever paints tiles keeps them in the form that is painted. */
  tiles(
    pair: PairOf,
    query: MapQuery,
    { quantity, tiles, cells }: TilesQuery,
    follow: Follow = {},
  ): Promise<Uint16Array> {
    const more = { ...mapParameters(query), ...cellsParameters(cells), quantity, tiles };
    return this.client.get({
      url: `kernel_tiles?${pairQuery(pair, more)}`,
      decode: halves,
      ...follow,
    });
  }

  slice(
    pair: PairOf,
    query: TensorQuery,
    { row, column }: { readonly row: number; readonly column: number },
    follow: Follow = {},
  ): Promise<KernelSlice> {
    const more = { ...tensorParameters(query), row: String(row), column: String(column) };
    const url = `kernel_slice?${pairQuery(pair, more)}`;
    return this.client.get({ url, decode: json<KernelSlice>, immutable: true, ...follow });
  }

  located(
    pair: PairOf,
    query: TensorQuery,
    cells: CellsQuery,
    follow: Follow = {},
  ): Promise<Located> {
    const more = { ...tensorParameters(query), ...cellsParameters(cells) };
    const url = `located?${pairQuery(pair, more)}`;
    return this.client.get({ url, decode: json<Located>, immutable: true, ...follow });
  }

  areaDistribution(
    pair: PairOf,
    query: MapQuery,
    { rows, columns, bins, levels, whole }: AreaQuery,
    follow: Follow = {},
  ): Promise<AreaDistribution> {
    const more = { bins: String(bins), levels: String(levels), whole, rows, columns };
    const url = `area_distribution?${pairQuery(pair, { ...mapParameters(query), ...more })}`;
    return this.client.get({ url, decode: json<AreaDistribution>, immutable: true, ...follow });
  }
}

/** Orders by index and the measure l2 are the server's defaults: they are left out. */
function mapParameters(query: MapQuery): Record<string, string> {
  const { measure, rowsBy, columnsBy } = query;
  return {
    ...tensorParameters(query),
    ...(measure === 'l2' ? {} : { measure }),
    ...(rowsBy === 'index' ? {} : { rows_by: rowsBy }),
    ...(columnsBy === 'index' ? {} : { columns_by: columnsBy }),
  };
}

function tensorParameters({ layer, tensor }: TensorQuery): Record<string, string> {
  return tensor === null ? { layer } : { layer, tensor };
}

function cellsParameters(query: CellsQuery | null): Record<string, string> {
  if (query === null) return {};
  const { bins, levels, cells, whole } = query;
  return { bins: String(bins), levels: String(levels), cells, whole };
}

async function places(response: Response): ReturnType<Decode<KernelPlaces>> {
  const buffer = await response.arrayBuffer();
  const { rows, columns } = readIntegers(buffer);
  if (rows === undefined || columns === undefined) {
    throw new Error('the file has no order of rows and columns');
  }
  return { value: { rows, columns }, bytes: buffer.byteLength };
}

async function halves(response: Response): ReturnType<Decode<Uint16Array>> {
  const buffer = await response.arrayBuffer();
  return { value: new Uint16Array(buffer), bytes: buffer.byteLength };
}
