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
export type ViewId = 'timeline' | 'network' | 'distribution' | 'convolution' | 'performance';
/** What boxes of the architecture are shaded by: the measure, or the outcome that they carry. */
export type Shade = 'measure' | 'carried';
export type ShadeKey = Metric | 'carried';
export type Axis = 'epoch' | 'step' | 'time';
/** A channel of the selected layer's output, or of what feeds the layer. */
export interface Channel {
  readonly side: 'output' | 'input';
  readonly index: number;
}

/** Places on the map of a kernel, first and last; they hold for its tensor and orders only. */
export interface Area {
  readonly rows: Span;
  readonly columns: Span;
}
export type Span = readonly [first: number, last: number];
/** What the map of a kernel shows. */
export type KernelQuantity = 'difference' | 'signed' | 'relative' | 'a' | 'b';
export type KernelOrder = 'index' | 'difference' | 'similarity';
/** The centre of what is seen of the map, as shares of it, and how much it is enlarged. */
export interface MapView {
  readonly x: number;
  readonly y: number;
  readonly zoom: number;
}

/** Snapshot ids; null until the page or the user has chosen. */
export const a = signal<string | null>(null);
export const b = signal<string | null>(null);
/** The run shown by the timeline. */
export const run = signal<string | null>(null);
export const metric = signal<Metric>('l2');
export const shade = signal<Shade>('measure');
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
/** Whose activation maps and patches are shown. */
export const channel = signal<Channel | null>(null);
/** Brushed on the map of the kernel; null takes the whole layer. */
export const area = signal<Area | null>(null);
export const kernelMode = signal<'map' | 'table'>('map');
export const kernelQuantity = signal<KernelQuantity>('difference');
export const rowsBy = signal<KernelOrder>('index');
export const columnsBy = signal<KernelOrder>('index');
/** Canonical name of the tensor on the map where the distribution counts the whole layer. */
export const kernelTensor = signal<string | null>(null);
/** Null shows the whole map. */
export const mapView = signal<MapView | null>(null);
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
    channel.value = null;
    kernelTensor.value = null;
    dropPlaces();
  });
}

/** Distribution cells are of one set of weights: another drops them. */
export function selectTensor(name: string | null): void {
  if (tensor.value === name) return;
  batch(() => {
    tensor.value = name;
    cells.value = [];
    dropPlaces();
  });
}

/** The map follows the distribution's tensor where that is one; both change together then. */
export function selectKernelTensor(name: string): void {
  if (tensor.value !== null) {
    selectTensor(name);
    return;
  }
  if (kernelTensor.value === name) return;
  batch(() => {
    kernelTensor.value = name;
    dropPlaces();
  });
}

/** Places are of one order: another drops what is chosen by place. */
export function orderKernel(side: 'rows' | 'columns', order: KernelOrder): void {
  batch(() => {
    (side === 'rows' ? rowsBy : columnsBy).value = order;
    area.value = null;
  });
}

function dropPlaces(): void {
  area.value = null;
  mapView.value = null;
}

/** A filter that came with a channel, as from the map's strip, goes on with it. */
export function selectChannel(next: Channel | null): void {
  const previous = channel.value;
  const [filter, ...more] = filters.value;
  const came = previous?.side === 'output' && filter === previous.index && more.length === 0;
  batch(() => {
    channel.value = next;
    if (came) filters.value = next?.side === 'output' ? [next.index] : [];
  });
}
