import { waitFor } from '../client/Client';
import { visible } from './environment';

/** Waits, and then on until the page is on screen. */
export async function waitWhileHidden(milliseconds: number, signal: AbortSignal): Promise<void> {
  await waitFor(milliseconds, signal);
  if (!visible.value) await untilVisible(signal);
}

function untilVisible(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const unsubscribe = visible.subscribe((shown) => {
      if (!shown) return;
      resolve();
      queueMicrotask(() => unsubscribe());
    });
    signal.addEventListener(
      'abort',
      () => {
        unsubscribe();
        reject(signal.reason);
      },
      { once: true },
    );
  });
}
