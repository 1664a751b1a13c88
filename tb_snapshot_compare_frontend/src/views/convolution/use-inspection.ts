import { effect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { KernelMap } from '../../client/types';
import type { Camera } from '../../render/camera';
import { inspected, kernelPlaces } from '../../state/kernel';
import { latest } from '../../state/resources';
import { type Place, Projection } from './geometry';
import { storedIndex } from './words';

const STAY_MS = 70;

/** Whoever stays at a cell gets its exact values; a card gets them at once. */
export function useInspection(
  map: KernelMap,
  camera: Camera,
  lookedAt: () => { readonly card: Place | null; readonly weight: Place | null },
): void {
  const current = useRef(lookedAt);
  current.current = lookedAt;
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = effect(() => {
      const { card, weight } = current.current();
      const projection = new Projection(map, camera.view.peek());
      const cell = card ?? (weight && projection.cellOf(weight));
      const index = cell && storedIndex(map, latest(kernelPlaces.value), cell);
      clearTimeout(timer);
      const look = (): void => {
        const last = inspected.peek();
        if (last?.row !== index?.row || last?.column !== index?.column) inspected.value = index;
      };
      timer = setTimeout(look, card ? 0 : STAY_MS);
    });
    return () => {
      stop();
      clearTimeout(timer);
      inspected.value = null;
    };
  }, [map, camera]);
}
