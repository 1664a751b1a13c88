import type { JSX } from 'preact';
import type { Quantity } from './moved-model';
import { QUANTITY_WORDS } from './words';

/** Told apart by shape as well as by colour; within a circle of radius 5. */
const SHAPES: Readonly<Record<Quantity, string>> = {
  learning_rate: 'M-5-5H5L0 0 5 5H-5L0 0Z',
  gradient: 'M0-5 4.6 3.6H-4.6Z',
  moment1: 'M0-5 5 0 0 5-5 0Z',
  moment2: 'M0-5 5 0 0 5-5 0Z',
  update: 'M-4-4h8v8h-8Z',
  weight: 'M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0',
  loss: 'M-1.6-5h3.2v3.4H5v3.2H1.6V5h-3.2V1.6H-5v-3.2h3.4Z',
};

export function MarkShape({ quantity }: { readonly quantity: Quantity }): JSX.Element {
  return <path class="moved-mark" data-quantity={quantity} d={SHAPES[quantity]} />;
}

export function MarkKey({ quantity }: { readonly quantity: Quantity }): JSX.Element {
  return (
    <span class="moved-key">
      <svg width="14" height="14" viewBox="-7 -7 14 14" aria-hidden="true">
        <MarkShape quantity={quantity} />
      </svg>
      {QUANTITY_WORDS[quantity]}
    </span>
  );
}
