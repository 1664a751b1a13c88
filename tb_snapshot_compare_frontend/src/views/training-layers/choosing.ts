/** What clicks and keys in the view do. */
import { batch } from '@preact/signals';
import { comparePinned } from '../../state/compare-pins';
import { showUnits } from '../../state/findings';
import { filters, layer, selectLayer } from '../../state/selection';
import { choosingLayer } from '../../state/settle';
import * as state from '../../state/training';
import { zooms } from './model';
import { ZOOM_LEAST, ZOOM_MOST } from './rows';
import { openAfter } from './tree';

export function setOpen(path: string, whether: boolean): void {
  state.openUnits.value = openAfter(state.openUnits.value, path, whether);
}

/** Among the top filters' layers nothing is opened or closed. */
export function toggleFilters(path: string): void {
  if (state.topLayers.value !== null) return;
  const open = state.openLayers.value;
  state.openLayers.value = openAfter(open, path, !open.includes(path));
}

/** Opens what lies below a row: its units, else its filters. Without a row, what it lies in. */
export function openRow(path: string): void {
  const { children, units } = state.units.value;
  if (!state.shownUnits.value.includes(path)) showUnits([path], false);
  else if (children.has(path)) setOpen(path, true);
  else if ((units.get(path)?.filters ?? 0) > 0) toggleFilters(path);
}

/** Compare opens on this filter. */
export function chooseFilter(path: string, filter: number): void {
  batch(() => {
    selectLayer(path);
    filters.value = [filter];
  });
}

/** Opens Compare on what is chosen, with the snapshots around the pins where there are some. */
export function compareChosen(): void {
  const [chosen, picked] = [layer.value, filters.value];
  batch(() => {
    if (state.pins.value.length > 0) comparePinned();
    selectLayer(chosen);
    filters.value = picked;
    choosingLayer.value = false;
    state.page.value = 'compare';
  });
}

export function chosenOf(path: string): readonly number[] {
  return layer.value === path ? filters.value : [];
}

/** A click on a row's chart: its step, or what is below the row, as the pin mode says. */
export function pressRow(path: string, step: number): void {
  if (!state.pinMode.value) openRow(path);
  else state.togglePin(step);
}

/** A click on a filter's cell: its step, or the filter. */
export function pressFilter(path: string, filter: number, dump: number): void {
  const step = state.dumps.value[dump];
  if (!state.pinMode.value) chooseFilter(path, filter);
  else if (step !== undefined) state.togglePin(step);
}

export function setZoom(path: string, zoom: number): void {
  const next = Math.max(ZOOM_LEAST, Math.min(ZOOM_MOST, zoom));
  zooms.value = new Map([...zooms.value, [path, next]]);
}

/** Every unit with children: all layers have rows then. */
export function openAll(): void {
  state.openUnits.value = [...state.units.value.children.keys()].filter((path) => path !== '');
}

export function closeAll(): void {
  batch(() => {
    state.openUnits.value = [];
    state.openLayers.value = [];
  });
}
