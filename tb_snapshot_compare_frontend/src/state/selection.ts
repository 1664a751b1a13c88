/**
 * The one selection that links the views. Every view reads it and writes only to it; the URL
 * mirrors it. What is transient (hover) lives here too, but is never written to the URL.
 */
import { batch, signal } from '@preact/signals';
import type { Measures } from '../client/types';

export type Metric = keyof Measures;
/** A cell of the difference distribution: a bin of change and a level of relative change. */
export interface Cell {
  readonly bin: number;
  readonly level: number;
}
export type ViewId = 'timeline' | 'network' | 'distribution';
export type Axis = 'epoch' | 'step' | 'time';

/** Snapshot ids; null until the page or the user has chosen. */
export const a = signal<string | null>(null);
export const b = signal<string | null>(null);
/** The run shown by the timeline. */
export const run = signal<string | null>(null);
export const metric = signal<Metric>('l2');
/** Full path of the selected layer; null selects the whole model. */
export const layer = signal<string | null>(null);
/** Canonical name of one tensor of the selected layer; null takes all of the layer together. */
export const tensor = signal<string | null>(null);
/** Output filters of the selected layer, ascending; empty selects all. */
export const filters = signal<readonly number[]>([]);
export const bins = signal(20);
export const levels = signal(5);
/** Levels that were switched off in the legend, ascending. */
export const hiddenLevels = signal<readonly number[]>([]);
export const cells = signal<readonly Cell[]>([]);
/** Full paths of the groups that are folded or opened against the view's default. */
export const toggledGroups = signal<readonly string[]>([]);
/** The maximised panel, if any. */
export const maximised = signal<ViewId | null>(null);
export const axis = signal<Axis | null>(null);

/** Transient: the layer under the pointer, in any view. */
export const hoveredLayer = signal<string | null>(null);

/** A layer carries its own filters and distribution cells: choosing another drops them. */
export function selectLayer(name: string | null): void {
  if (layer.value === name) return;
  batch(() => {
    layer.value = name;
    tensor.value = null;
    filters.value = [];
    cells.value = [];
  });
}

/** Distribution cells are of one set of weights: another drops them. */
export function selectTensor(name: string | null): void {
  if (tensor.value === name) return;
  batch(() => {
    tensor.value = name;
    cells.value = [];
  });
}
