/**
 * What the server answered for the Training page's selection. Views read these and never fetch;
 * `state/training-loader.ts` keeps them in step with the selection.
 */
import { signal } from '@preact/signals';
import type {
  Correlation,
  FilterSeries,
  Forensics,
  ImageHistory,
  LayerBands,
  LayerSeries,
  TopFilters,
  TrainingClasses,
  TrainingCurves,
  TrainingImages,
} from '../client/types';
import type { Resource } from './resources';

/** `Changes.training`, as it was seen last. */
export const trainingVersion = signal(0);
/** Raised to have scalars read again: they grow without a new version of the log. */
export const curvesAttempt = signal(0);

export const trainingCurves = signal<Resource<TrainingCurves>>({ status: 'idle' });
export const trainingClasses = signal<Resource<TrainingClasses>>({ status: 'idle' });
/** Of `wantedClasses`, by index. */
export const classImages = signal<ReadonlyMap<number, Resource<TrainingImages>>>(new Map());
/** Of the probe image that is looked at. */
export const imageHistory = signal<Resource<ImageHistory>>({ status: 'idle' });
/** Of the units on show, for every chart but the bands. */
export const layerSeries = signal<Resource<LayerSeries>>({ status: 'idle' });
export const layerBands = signal<Resource<LayerBands>>({ status: 'idle' });
/** Of the layers whose filters are shown, by path. */
export const filterSeries = signal<ReadonlyMap<string, Resource<FilterSeries>>>(new Map());
/**
 * Of the layer that is read, by path: the relative norm ‖Δw‖₂ ∕ ‖w‖₂ (`relative_l2`), which a cosine
 * does not tell.
 */
export const filterNorms = signal<ReadonlyMap<string, Resource<FilterSeries>>>(new Map());
/** Of the pinned steps. */
export const topFilters = signal<Resource<TopFilters>>({ status: 'idle' });
export const correlation = signal<Resource<Correlation>>({ status: 'idle' });
/** Of the filters in mini-sets, by layer. */
export const miniSetSeries = signal<ReadonlyMap<string, Resource<FilterSeries>>>(new Map());
/** Around the newest pin. */
export const forensics = signal<Resource<Forensics>>({ status: 'idle' });
