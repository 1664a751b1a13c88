/**
 * A second run beside the one on show: its rows lie below the same rows of the first, on the same
 * steps. Views read these and never fetch; `state/training-other-loader.ts` keeps them in step.
 */
import { signal } from '@preact/signals';
import type {
  LayerBands,
  LayerSeries,
  Training,
  TrainingClasses,
  TrainingCurves,
} from '../client/types';
import type { Resource } from './resources';

/** Its name; null shows one run alone. */
export const otherRun = signal<string | null>(null);

/** What is known of its training, whether or not it can lie beside the first. */
export const otherTraining = signal<Resource<Training>>({ status: 'idle' });

export const otherCurves = signal<Resource<TrainingCurves>>({ status: 'idle' });
export const otherClasses = signal<Resource<TrainingClasses>>({ status: 'idle' });
/** Of those units on show that it has. */
export const otherSeries = signal<Resource<LayerSeries>>({ status: 'idle' });
export const otherBands = signal<Resource<LayerBands>>({ status: 'idle' });
