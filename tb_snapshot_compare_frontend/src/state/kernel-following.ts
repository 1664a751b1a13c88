/** Keeps the resources of the convolution operation view in step with the selection. */
import { batch, computed, effect, untracked } from '@preact/signals';
import type { CellsQuery, KernelApi, MapQuery } from '../client/KernelApi';
import type { KernelMap } from '../client/types';
import { type PairOf, pairIds } from '../client/wire';
import { type Ask, keepInStep } from './fetching';
import {
  areaDistribution,
  chosenTensor,
  differenceTiles,
  inspected,
  kernelMap,
  kernelPlaces,
  kernelSlice,
  located,
  locatedTiles,
  shownTiles,
  type TileFeed,
} from './kernel';
import { writeSpan } from './kernel-url';
import { comparison, latest } from './resources';
import {
  area,
  bins,
  cells,
  channel,
  columnsBy,
  kernelQuantity,
  kernelTensor,
  layer,
  levels,
  metric,
  rowsBy,
  tensor,
} from './selection';
import { readyPair } from './snapshots';
import { comparedLayers } from './tensors';
import { writeCells } from './url';

/** What a map was asked for with; tiles are asked for with the same. */
interface Origin {
  readonly pair: PairOf;
  readonly query: MapQuery;
}

interface Place {
  readonly row: number;
  readonly column: number;
}

const NOTHING = { key: '', ask: null };

export function followKernel(api: KernelApi, onStale: () => Promise<void>): (() => void)[] {
  const origins = new WeakMap<KernelMap, Origin>();
  const query = computed<MapQuery | null>(() => {
    const name = layer.value;
    if (name === null || comparedLayers.value?.has(name) !== true) return null;
    return {
      layer: name,
      tensor: chosenTensor.value,
      measure: metric.value,
      rowsBy: rowsBy.value,
      columnsBy: columnsBy.value,
    };
  });
  const options = { onStale };

  return [
    effect(settleKernelTensor),
    keepInStep(
      kernelMap,
      () =>
        asked(query.value, async (pair, wanted, follow) => {
          const map = await api.map(pair, wanted, follow);
          origins.set(map, { pair, query: { ...wanted, tensor: map.tensor } });
          return map;
        }),
      { onStale, keepStale: (previous) => previous.layer === layer.value },
    ),
    keepInStep(
      kernelPlaces,
      () => {
        const wanted = query.value && isOrdered(query.value) ? query.value : null;
        return asked(wanted, (pair, ordered, follow) => api.places(pair, ordered, follow));
      },
      { onStale, keepStale: () => false },
    ),
    keepInStep(
      kernelSlice,
      () => {
        const place = inspected.value;
        const wanted =
          place && query.value && isOnMap(place, query.value) ? { ...query.value, ...place } : null;
        return asked(wanted, (pair, slice, follow) => api.slice(pair, slice, slice, follow));
      },
      { onStale, keepStale: () => false },
    ),
    keepInStep(
      located,
      () => {
        const chosen = cellsQuery();
        const wanted = query.value && chosen && { ...query.value, ...chosen };
        return asked(wanted, (pair, both, follow) => api.located(pair, both, both, follow));
      },
      { onStale, keepStale: () => false },
    ),
    keepInStep(
      areaDistribution,
      () => {
        const place = area.value;
        const wanted = place &&
          query.value && {
            ...query.value,
            rows: writeSpan(place.rows),
            columns: writeSpan(place.columns),
            bins: bins.value,
            levels: levels.value,
            whole: wholeOf(),
          };
        return asked(wanted, (pair, both, follow) =>
          api.areaDistribution(pair, both, both, follow),
        );
      },
      options,
    ),
    effect(() => {
      const resource = kernelMap.value;
      if (resource.status !== 'ready' && latest(resource) === null) {
        batch(() => {
          shownTiles.value = null;
          differenceTiles.value = null;
        });
      }
      if (resource.status !== 'ready') return;
      const origin = origins.get(resource.value);
      const quantity = kernelQuantity.value;
      if (!origin) return;
      batch(() => {
        shownTiles.value = feed(resource.value, origin, quantity, null);
        differenceTiles.value = feed(resource.value, origin, 'difference', null);
      });
    }),
    effect(() => {
      const resource = kernelMap.value;
      const chosen = cellsQuery();
      if (chosen === null || resource.status !== 'ready') {
        locatedTiles.value = null;
        return;
      }
      const origin = origins.get(resource.value);
      if (origin) locatedTiles.value = feed(resource.value, origin, 'located', chosen);
    }),
    effect(settlePlaces),
  ];

  function feed(
    map: KernelMap,
    origin: Origin,
    quantity: string,
    chosen: CellsQuery | null,
  ): TileFeed {
    const unit = map.scales.find((scale) => scale.quantity === quantity)?.unit ?? 1;
    return {
      map,
      unit,
      fetch: (tiles, signal) => {
        const text = tiles.map(({ level, row, column }) => `${level}.${row}.${column}`).join();
        const wanted = { quantity, tiles: text, cells: chosen };
        return api.tiles(origin.pair, origin.query, wanted, { signal });
      },
    };
  }
}

function asked<Q, T>(
  wanted: Q | null,
  ask: (pair: PairOf, wanted: Q, ...follow: Parameters<NonNullable<Ask<T>>>) => Promise<T>,
): { readonly key: string; readonly ask: Ask<T> } {
  const pair = readyPair.value;
  if (!pair || wanted === null) return NOTHING;
  const ids = pairIds(pair);
  const key = JSON.stringify([ids, wanted]);
  return { key, ask: (follow) => ask(pair, wanted, follow) };
}

/** Else the place is the index: there is nothing to ask for. */
function isOrdered({ rowsBy: rows, columnsBy: columns }: MapQuery): boolean {
  return rows !== 'index' || columns !== 'index';
}

/** What was looked at on another map is not asked for. */
function isOnMap({ row, column }: Place, { layer: name, tensor: wanted }: MapQuery): boolean {
  const map = latest(kernelMap.value);
  if (map === null || map.layer !== name || (wanted ?? map.tensor) !== map.tensor) return false;
  return row < map.rows && column < map.columns;
}

function cellsQuery(): CellsQuery | null {
  if (cells.value.length === 0) return null;
  const text = writeCells(cells.value);
  return { bins: bins.value, levels: levels.value, cells: text, whole: wholeOf() };
}

/** Bins and levels are those of the distribution on show. */
function wholeOf(): 'layer' | 'tensor' {
  return tensor.value === null ? 'layer' : 'tensor';
}

/** Drops a tensor that the layer does not have in both snapshots. */
function settleKernelTensor(): void {
  const name = kernelTensor.value;
  if (name === null || comparison.value.status !== 'ready') return;
  const known = comparison.value.value.tensors.some(
    (entry) => entry.name === name && entry.layer === layer.value && entry.status === 'compared',
  );
  if (!known) kernelTensor.value = null;
}

/** Drops an area and a channel that the map does not have. */
function settlePlaces(): void {
  const resource = kernelMap.value;
  if (resource.status !== 'ready') return;
  const { rows, columns, rows_are_channels, columns_are_channels } = resource.value;
  const place = area.value;
  if (place && (place.rows[1] >= rows || place.columns[1] >= columns)) area.value = null;
  const chosen = untracked(() => channel.value);
  if (chosen === null) return;
  const size = chosen.side === 'input' ? rows : columns;
  const counted = chosen.side === 'input' ? rows_are_channels : columns_are_channels;
  if (counted && chosen.index >= size) channel.value = null;
}
