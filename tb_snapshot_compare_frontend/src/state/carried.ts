/** The outcome that layers carry, as one more shade of the architecture. */
import { computed } from '@preact/signals';
import { attribution } from './probing';
import { latest } from './resources';
import { metric, type ShadeKey, shade } from './selection';

/** By layer; null until layers are swapped. */
export const carriedShares = computed<ReadonlyMap<string, number | null> | null>(() => {
  const known = latest(attribution.value);
  return known && new Map(known.parts.map(({ name, carried }) => [name, carried]));
});

/** What boxes are shaded by now: the measure, as long as nothing is known to be carried. */
export const shadeKey = computed<ShadeKey>(() =>
  shade.value === 'carried' && carriedShares.value !== null ? 'carried' : metric.value,
);
