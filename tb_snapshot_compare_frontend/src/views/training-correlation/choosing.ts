/** What clicks, keys and buttons of the view do. */
import { batch } from '@preact/signals';
import type { Correlation } from '../../client/types';
import { comparePinned } from '../../state/compare-pins';
import { filters, selectLayer } from '../../state/selection';
import { choosingLayer } from '../../state/settle';
import * as state from '../../state/training';
import { type Chosen, choose } from './model';
import { classesOfSet, columnsOfClass, filtersOf, type Place, stepsOf } from './places';

/** What a place stands for; null for empty ground. */
export function meantBy(known: Correlation, place: Place): Chosen | null {
  const layer = known.rows[place.row]?.layer ?? null;
  const own = known.classes[place.classPlace];
  if (own === undefined) return null;
  const set = place.set === null ? null : known.rows[place.row]?.sets[place.set];
  const steps = place.column === null ? [] : stepsOf(known, [place.column]);
  switch (place.kind) {
    case 'cell': {
      const columns = hitColumns(known, place);
      const changed = filtersOf(known, place.row, columns);
      const all = stepsOf(known, columns);
      return { layer, classes: [own], filters: changed, steps: all, of: 'class' };
    }
    case 'block':
      return { layer, classes: [own], filters: set?.filters ?? [], steps, of: 'iteration' };
    case 'line': {
      const places = classesOfSet(known, place.row, place.set ?? 0);
      const classes = places.map((each) => known.classes[each] as number);
      const all = stepsOf(known, set?.columns ?? []);
      return { layer, classes, filters: set?.filters ?? [], steps: all, of: 'set' };
    }
    case 'rod':
      return { layer: null, classes: [own], filters: [], steps, of: 'iteration' };
    default:
      return null;
  }
}

/** The iterations of a cell's class at which filters of its layer were among the most changed. */
function hitColumns(known: Correlation, { row, classPlace }: Place): readonly number[] {
  const hit = new Set(known.rows[row]?.sets.flatMap(({ columns }) => columns));
  return columnsOfClass(known, classPlace).filter((column) => hit.has(column));
}

/**
 * Highlights what a place stands for, and pins its iterations while clicks pin. `whole`: all
 * occurrences of a block's set, as a click on its line.
 */
export function press(known: Correlation, place: Place, whole = false): void {
  const kind = whole && place.kind === 'block' ? 'line' : place.kind;
  const meant = meantBy(known, { ...place, kind });
  batch(() => {
    choose(meant);
    if (meant && meant.steps.length > 0 && state.pinMode.value) state.pinAll(meant.steps);
  });
}

export function hover(known: Correlation, place: Place | null): void {
  batch(() => {
    state.hoveredUnit.value = place === null ? null : (known.rows[place.row]?.layer ?? null);
    state.hoveredClass.value = place === null ? null : (known.classes[place.classPlace] ?? null);
    const column = place?.column ?? null;
    state.hoveredStep.value = column === null ? null : (known.columns[column]?.step ?? null);
  });
}

/** Opens Compare on the filters, with the snapshots around the pins where there are some. */
export function compareChosen({ layer, filters: picked, steps }: Chosen): void {
  batch(() => {
    if (state.pins.value.length === 0) state.pinAll(steps.slice(-1));
    comparePinned();
    selectLayer(layer);
    filters.value = [...picked];
    choosingLayer.value = false;
    state.page.value = 'compare';
  });
}
