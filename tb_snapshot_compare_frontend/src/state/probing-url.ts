/** The performance view's part of the address; whatever it says, what comes out is within bounds. */
import type { Preparing } from '../client/types';
import {
  CHANNEL_ORDERS,
  IMAGE_ORDERS,
  OUTCOMES,
  PATCH_WAYS,
  PROBE_TABS,
  type ProbingChoice,
  RESIZES,
  SCALES,
} from './probing-choice';
import type { Channel } from './selection';

type Keys = Readonly<Record<string, string>>;

const TEXT_MAX = 1024;
const INDEX_MAX = 10_000_000;
/** Input channels that can have a mean and a deviation of their own. */
const CHANNELS_MAX = 16;

export function encodeProbing(choice: ProbingChoice): Record<string, string | null> {
  const { tab, set, image, filter, order, way, preparing } = choice;
  const number = (value: number | null) => (value === null ? null : String(value));
  return {
    probe: tab === 'predictions' ? null : tab,
    set,
    image,
    class: number(filter.label),
    outcome: filter.outcome,
    from: number(filter.predictedA),
    to: number(filter.predictedB),
    sort: order === 'listed' ? null : order,
    patches: way === 'crop' ? null : way,
    input: writePreparing(preparing),
  };
}

export function decodeProbing(keys: Keys): ProbingChoice {
  return {
    tab: choice(keys.probe, PROBE_TABS) ?? 'predictions',
    set: text(keys.set),
    image: text(keys.image),
    filter: {
      label: index(keys.class),
      outcome: choice(keys.outcome, OUTCOMES),
      predictedA: index(keys.from),
      predictedB: index(keys.to),
    },
    order: choice(keys.sort, IMAGE_ORDERS) ?? 'listed',
    way: choice(keys.patches, PATCH_WAYS) ?? 'crop',
    preparing: readPreparing(keys.input),
  };
}

/** `o12` is output channel 12, `i3` input channel 3. */
export function writeChannel(channel: Channel | null): string | null {
  return channel && `${channel.side === 'output' ? 'o' : 'i'}${channel.index}`;
}

export function readChannel(written: string | undefined): Channel | null {
  const [, side, digits] = /^([oi])(\d{1,8})$/.exec(written ?? '') ?? [];
  const at = index(digits);
  return at === null ? null : { side: side === 'o' ? 'output' : 'input', index: at };
}

/** `resize.crop,order.bgr,mean.103.9_116.8_123.7` */
function writePreparing({ resize, scale, order, mean, std }: Preparing): string {
  const parts = [
    resize && `resize.${resize}`,
    scale && `scale.${scale}`,
    order && `order.${order}`,
    mean.length > 0 && `mean.${mean.join('_')}`,
    std.length > 0 && `std.${std.join('_')}`,
  ];
  return parts.filter(Boolean).join(',');
}

function readPreparing(written: string | undefined): Preparing {
  const parts = new Map(
    (written ?? '').split(',', 8).map((part) => {
      const dot = part.indexOf('.');
      return [part.slice(0, dot), part.slice(dot + 1)] as const;
    }),
  );
  return {
    resize: choice(parts.get('resize'), RESIZES),
    scale: choice(parts.get('scale'), SCALES),
    order: choice(parts.get('order'), CHANNEL_ORDERS),
    mean: readNumbers(parts.get('mean')?.split('_')),
    std: readNumbers(parts.get('std')?.split('_')).map((value) => (value > 0 ? value : 1)),
  };
}

/** Finite numbers, or none at all when one is not. */
export function readNumbers(written: readonly string[] | undefined): number[] {
  const numbers = (written ?? []).map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  const usable = numbers.length <= CHANNELS_MAX && numbers.every(Number.isFinite);
  return usable ? numbers : [];
}

function text(written: string | undefined): string | null {
  return written && written.length <= TEXT_MAX ? written : null;
}

function choice<T extends string>(written: string | undefined, all: readonly T[]): T | null {
  return all.find((one) => one === written) ?? null;
}

function index(written: string | undefined): number | null {
  if (!/^\d{1,8}$/.test(written ?? '')) return null;
  return Number(written) <= INDEX_MAX ? Number(written) : null;
}
