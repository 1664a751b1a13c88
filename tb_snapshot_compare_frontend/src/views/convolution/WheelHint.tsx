/** Says how the wheel zooms, the first time that it only scrolled the page. */
import { useSignal, useSignalEffect } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Camera } from '../../render/camera';

const SHOWN_MS = 2500;

let told = false;

export function WheelHint({ camera }: { readonly camera: Camera }): JSX.Element | null {
  const visible = useSignal(false);
  useSignalEffect(() => {
    if (camera.leftToPage.value === 0 || told) return;
    told = true;
    visible.value = true;
  });
  useEffect(() => {
    if (!visible.value) return;
    const timer = setTimeout(() => {
      visible.value = false;
    }, SHOWN_MS);
    return () => clearTimeout(timer);
  }, [visible.value]);
  return visible.value ? (
    <div class="kernel-wheel-hint" role="status">
      Ctrl + wheel zooms
    </div>
  ) : null;
}
