/** What the view says. */
import type { Correlation } from '../../client/types';
import { stepWords } from '../../elements/axis-words';
import { formatCount } from '../../scales/format';
import { nameOfPlace, type Words } from './model';
import type { Place } from './places';
import { classesOfSet } from './places';

export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

const LISTED = 12;

/** `filter 3`, `filters 3, 17 and 40`. */
export function filterWords(filters: readonly number[]): string {
  if (filters.length === 1) return `filter ${filters[0]}`;
  if (filters.length > LISTED) {
    return `filters ${filters.slice(0, LISTED).join(', ')} and ${filters.length - LISTED} more`;
  }
  return `filters ${filters.slice(0, -1).join(', ')} and ${filters.at(-1)}`;
}

/** What is at a place, exactly. */
export function wordsOf(known: Correlation, place: Place): Words {
  const row = known.rows[place.row];
  const own = nameOfPlace(place.classPlace);
  const title = `${row?.layer ?? ''} × ${own}`;
  const index = known.classes[place.classPlace];
  if (place.kind === 'cell') {
    const count = row?.distinct[place.classPlace] ?? 0;
    const iterations = known.columns.filter((column) => column.class_index === index).length;
    const over = countOf(iterations, 'anomaly iteration');
    return { title, lines: [`${countOf(count, 'filter')} changed strongly over ${over}`] };
  }
  const column = place.column === null ? undefined : known.columns[place.column];
  const lines = column ? [iterationWords(column)] : [];
  const set = place.set === null ? undefined : row?.sets[place.set];
  if (!set) return { title, lines };
  const where = countOf(classesOfSet(known, place.row, place.set ?? 0).length, 'class', 'classes');
  const often = `${countOf(set.columns.length, 'iteration')} of ${where}`;
  const which = filterWords(set.filters);
  const changed = set.filters.length === 1 ? 'changed' : 'changed together';
  if (place.kind === 'block')
    return { title, lines: [...lines, `${which} ${changed} here, and at ${often} in all`] };
  if (place.kind === 'line')
    return { title, lines: [...lines, `${which} did not; ${changed} at ${often}`] };
  return { title, lines };
}

function iterationWords({ step, side, count }: Correlation['columns'][number]): string {
  const images = countOf(count, 'image');
  return `${stepWords(step)}: ${images} ${side === 'left' ? 'left a lasting state' : 'began a lasting state'}`;
}

export function textOf({ title, lines }: Words): string {
  return [title, ...lines].join('. ');
}
