/** Parts of a network, whose weights are swapped, in words. */
import type { AttributionPart } from '../../client/types';
import { writeRanges } from '../../state/url';

/** `conv3`, or `17 filters: 0–15, 20`. */
export function partName({ name, filters }: AttributionPart): string {
  if (filters === null) return name;
  const numbers = writeRanges(filters).replaceAll('-', '–').replaceAll(',', ', ');
  return filters.length === 1 ? `filter ${numbers}` : `${filters.length} filters: ${numbers}`;
}

/** `conv3`, or `filters 0-15,20`, as the address writes them. */
export function spokenName({ name, filters }: AttributionPart): string {
  if (filters === null) return name;
  return `${filters.length === 1 ? 'filter' : 'filters'} ${writeRanges(filters)}`;
}
