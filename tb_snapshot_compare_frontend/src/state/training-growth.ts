/** Gives everything that is on screen the columns of a log that has grown. */
import type { Signal } from '@preact/signals';
import type { Training } from '../client/types';
import type { Resource } from './resources';
import * as data from './training-data';
import * as other from './training-other';
import type { Respread } from './training-plans';
import {
  respreadBands,
  respreadClasses,
  respreadFilters,
  respreadHistory,
  respreadImages,
  respreadSeries,
} from './training-respread';

/** Both are of one run, or nothing moves. */
export function respreadAll(before: Training | null, after: Training): void {
  if (before === null || before.run !== after.run) return;
  const one = <T>(place: Signal<Resource<T>>, respread: Respread<T>) =>
    respreadIn(place, respread, before, after);
  const each = <K, T>(place: Signal<ReadonlyMap<K, Resource<T>>>, respread: Respread<T>) => {
    const entries = [...place.peek()].map(
      ([key, resource]) =>
        [key, inside(resource, (value) => respread(value, before, after))] as const,
    );
    place.value = new Map(entries);
  };
  one(data.trainingClasses, respreadClasses);
  one(data.imageHistory, respreadHistory);
  one(data.layerSeries, respreadSeries);
  one(data.layerBands, respreadBands);
  each(data.classImages, respreadImages);
  each(data.filterSeries, respreadFilters);
  each(data.filterNorms, respreadFilters);
  each(data.miniSetSeries, respreadFilters);
}

/** The same for the run beside the one on show. */
export function respreadOther(before: Training | null, after: Training): void {
  if (before === null || before.run !== after.run) return;
  respreadIn(other.otherClasses, respreadClasses, before, after);
  respreadIn(other.otherSeries, respreadSeries, before, after);
  respreadIn(other.otherBands, respreadBands, before, after);
}

function respreadIn<T>(
  place: Signal<Resource<T>>,
  respread: Respread<T>,
  before: Training,
  after: Training,
): void {
  place.value = inside(place.peek(), (value) => respread(value, before, after));
}

function inside<T>(resource: Resource<T>, change: (value: T) => T): Resource<T> {
  if (resource.status === 'idle') return resource;
  if (resource.status === 'ready') {
    const value = change(resource.value);
    return value === resource.value ? resource : { ...resource, value };
  }
  return resource.stale === null ? resource : { ...resource, stale: change(resource.stale) };
}
