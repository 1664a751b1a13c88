/** What a click on a strip selects; each returns what a screen reader is told. */
import type { KernelMap } from '../../client/types';
import { kernelPlaces } from '../../state/kernel';
import { latest } from '../../state/resources';
import { channel, filters } from '../../state/selection';
import { storedIndex } from './words';

/** The output channel of a column and its filter; both again are deselected. */
export function chooseColumn(map: KernelMap, place: number): string {
  const index = storedIndex(map, latest(kernelPlaces.peek()), { row: 0, column: place })?.column;
  if (index === undefined) return '';
  if (!map.columns_are_channels) return `A ${map.column_word} is no channel`;
  const same = channel.value?.side === 'output' && channel.value.index === index;
  channel.value = same ? null : { side: 'output', index };
  filters.value = same ? [] : [index];
  return `${map.column_word} ${index} ${same ? 'deselected' : 'selected'}`;
}

/** The input channel of a row. */
export function chooseRow(map: KernelMap, place: number): string {
  const index = storedIndex(map, latest(kernelPlaces.peek()), { row: place, column: 0 })?.row;
  if (index === undefined) return '';
  if (!map.rows_are_channels) return `A ${map.row_word} is no channel`;
  const same = channel.value?.side === 'input' && channel.value.index === index;
  channel.value = same ? null : { side: 'input', index };
  return `${map.row_word} ${index} ${same ? 'deselected' : 'selected'}`;
}
