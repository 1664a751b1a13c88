/** How the views are drawn, as far as a link should keep it. */
import { batch, signal } from '@preact/signals';

export type NetworkMode = 'diagram' | 'table';
export type DistributionMode = 'chart' | 'table';
export type CountScale = 'linear' | 'sqrt' | 'log';
export type FilterOrder = 'index' | 'difference';

const COUNT_SCALES: readonly CountScale[] = ['linear', 'sqrt', 'log'];

/** Fold activations, normalisations and the like into the layer before them. */
export const compact = signal(true);
/** Group repeated blocks; null leaves it to the size of the network. */
export const blocks = signal<boolean | null>(null);
export const networkMode = signal<NetworkMode>('diagram');
export const filterOrder = signal<FilterOrder>('index');
export const distributionMode = signal<DistributionMode>('chart');
/** Few weights change much: on a square-root scale both the peak and the tails are seen. */
export const countScale = signal<CountScale>('sqrt');

export interface ViewChoice {
  readonly compact: boolean;
  readonly blocks: boolean | null;
  readonly network: NetworkMode;
  readonly order: FilterOrder;
  readonly distribution: DistributionMode;
  readonly counts: CountScale;
}

export function currentViews(): ViewChoice {
  return {
    compact: compact.value,
    blocks: blocks.value,
    network: networkMode.value,
    order: filterOrder.value,
    distribution: distributionMode.value,
    counts: countScale.value,
  };
}

export function applyViews(choice: ViewChoice): void {
  batch(() => {
    compact.value = choice.compact;
    blocks.value = choice.blocks;
    networkMode.value = choice.network;
    filterOrder.value = choice.order;
    distributionMode.value = choice.distribution;
    countScale.value = choice.counts;
  });
}

/** What is as it is by default is null. */
export function encodeViews(choice: ViewChoice): Record<string, string | null> {
  return {
    compact: choice.compact ? null : 'off',
    blocks: choice.blocks === null ? null : choice.blocks ? 'on' : 'off',
    network: choice.network === 'diagram' ? null : choice.network,
    order: choice.order === 'index' ? null : choice.order,
    distribution: choice.distribution === 'chart' ? null : choice.distribution,
    counts: choice.counts === 'sqrt' ? null : choice.counts,
  };
}

export function decodeViews(keys: Readonly<Record<string, string>>): ViewChoice {
  return {
    compact: keys.compact !== 'off',
    blocks: keys.blocks === 'on' ? true : keys.blocks === 'off' ? false : null,
    network: keys.network === 'table' ? 'table' : 'diagram',
    order: keys.order === 'difference' ? 'difference' : 'index',
    distribution: keys.distribution === 'table' ? 'table' : 'chart',
    counts: COUNT_SCALES.find((scale) => scale === keys.counts) ?? 'sqrt',
  };
}
