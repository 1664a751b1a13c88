/** Lays networks out away from the page's thread: one answer per request, by id. */
import { layoutNetwork } from './layout/layout';
import type { LayoutInput, LayoutResult } from './layout/types';

export interface LayoutRequest {
  readonly id: number;
  readonly input: LayoutInput;
}

export type LayoutAnswer =
  | { readonly id: number; readonly result: LayoutResult }
  | { readonly id: number; readonly problem: string };

function answer({ id, input }: LayoutRequest): LayoutAnswer {
  try {
    return { id, result: layoutNetwork(input) };
  } catch (error) {
    return { id, problem: error instanceof Error ? error.message : String(error) };
  }
}

self.addEventListener('message', (event: MessageEvent<LayoutRequest>) => {
  self.postMessage(answer(event.data));
});
