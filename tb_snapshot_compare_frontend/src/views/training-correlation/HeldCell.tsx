/** The keyboard's cursor over cells that are painted on a canvas. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { Correlation } from '../../client/types';
import { press } from './choosing';
import {
  acrossOf,
  type Cursor,
  cursorOfPlace,
  movedCursor,
  placeOfCursor,
  stopsOf,
} from './cursor';
import type { Layout } from './layout';
import * as model from './model';
import type { Place } from './places';
import { textOf, wordsOf } from './words';

export const CELL_ID = 'correlation-cell';
export const KEYS =
  'Arrow keys move, Home and End go to the first and last column; Enter highlights and pins, Shift with Enter all occurrences of a mini-set; Escape clears';

export interface CursorKeys {
  readonly cursor: Cursor;
  readonly place: Place | null;
  readonly downs: number;
  readonly acrosses: number;
  readonly hold: (place: Place) => void;
  readonly onKeyDown: (event: KeyboardEvent, onMove: (place: Place) => void) => void;
}

export function useCursor(known: Correlation, layout: Layout): CursorKeys {
  const chosen = useSignal<Cursor>({ down: 0, across: 0 });
  const downs = stopsOf(layout).length;
  const acrosses = acrossOf(known, layout);
  const cursor: Cursor = {
    down: Math.min(chosen.value.down, downs - 1),
    across: Math.min(chosen.value.across, acrosses - 1),
  };
  const place = placeOfCursor(known, layout, cursor);
  const onKeyDown = (event: KeyboardEvent, onMove: (place: Place) => void): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = movedCursor(cursor, event.key, downs, acrosses);
    if (next) {
      chosen.value = next;
      const at = placeOfCursor(known, layout, next);
      if (at) onMove(at);
    } else if (event.key === 'Enter' || event.key === ' ') {
      if (place) press(known, place, event.shiftKey);
    } else if (event.key === 'Escape' && model.chosen.value !== null) model.choose(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const hold = (at: Place): void => {
    chosen.value = cursorOfPlace(layout, at);
  };
  return { cursor, place, downs, acrosses, hold, onKeyDown };
}

/** What the cursor is at, for screen readers. */
export function HeldCell(props: {
  readonly known: Correlation;
  readonly cursor: Cursor;
  readonly place: Place | null;
}): JSX.Element | null {
  const { known, cursor, place } = props;
  if (place === null) return null;
  return (
    // biome-ignore lint/a11y/useSemanticElements: cells are painted on a canvas
    // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus
    <div role="row" class="visually-hidden" aria-rowindex={cursor.down + 1}>
      {/* biome-ignore lint/a11y/useSemanticElements: cells are painted on a canvas */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus */}
      <div role="gridcell" id={CELL_ID} aria-colindex={cursor.across + 1}>
        {textOf(wordsOf(known, place))}
      </div>
    </div>
  );
}
