/** Activation maps as pixels: ranges, colours, and where on the image a map lies. */
import type { ActivationMaps, MapStack, ProbeModel } from '../../client/types';
import { divergingTable, missingColor, sequentialTable, type Theme } from '../../scales/color';

export type MapKind = 'a' | 'b' | 'difference';

export interface MapRange {
  /** Signed values are shown on the diverging scale, around 0. */
  readonly signed: boolean;
  /** The value at the end of the scale. */
  readonly limit: number;
}

export interface ChannelMaps {
  readonly channel: number;
  readonly difference: number;
  readonly a: MapStack;
  readonly b: MapStack;
  readonly sameSize: boolean;
}

export function channelMaps(maps: ActivationMaps): readonly ChannelMaps[] {
  const { channels, a, b, sameSize, difference } = maps;
  return channels.map((channel, at) => ({
    channel,
    difference: difference[at] ?? Number.NaN,
    a: mapAt(a, at),
    b: mapAt(b, at),
    sameSize,
  }));
}

function mapAt({ width, height, values }: MapStack, at: number): MapStack {
  const size = width * height;
  return { width, height, values: values.subarray(at * size, (at + 1) * size) };
}

/** Null where maps of unlike sizes have no difference. */
export function mapOf({ a, b, sameSize }: ChannelMaps, kind: MapKind): MapStack | null {
  if (kind !== 'difference') return kind === 'a' ? a : b;
  if (!sameSize) return null;
  const values = Float32Array.from(
    b.values,
    (value, index) => value - (a.values[index] ?? Number.NaN),
  );
  return { ...b, values };
}

/** One range for a and b, so that their shades compare; another for the difference. */
export function mapRange(all: readonly ChannelMaps[], kind: MapKind): MapRange {
  let [low, high] = [0, 0];
  for (const maps of all) {
    const parts = kind === 'difference' ? [mapOf(maps, kind)] : [maps.a, maps.b];
    for (const part of parts) {
      for (const value of part?.values ?? []) {
        if (value < low && value !== Number.NEGATIVE_INFINITY) low = value;
        if (value > high && value !== Number.POSITIVE_INFINITY) high = value;
      }
    }
  }
  return { signed: kind === 'difference' || low < 0, limit: Math.max(high, -low) };
}

/** Opaque colours of the values, as canvas pixels. */
export function mapPixels(
  values: Float32Array,
  { signed, limit }: MapRange,
  theme: Theme,
): Uint8ClampedArray<ArrayBuffer> {
  const table = words(signed ? divergingTable(theme) : sequentialTable(theme));
  const missing = word(missingColor(theme));
  const last = table.length - 1;
  const pixels = new Uint8ClampedArray(values.length * 4);
  const out = new Uint32Array(pixels.buffer);
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at] ?? Number.NaN;
    const share = limit > 0 ? value / limit : 0;
    const place = signed ? (share + 1) / 2 : share;
    const index = Math.round(Math.min(1, Math.max(0, place)) * last);
    out[at] = Number.isNaN(value) ? missing : (table[index] ?? missing);
  }
  return pixels;
}

const known = new Map<readonly string[], Uint32Array>();

function words(colors: readonly string[]): Uint32Array {
  const made = known.get(colors) ?? Uint32Array.from(colors, word);
  known.set(colors, made);
  return made;
}

/** `#rrggbb` as the little-endian word of an opaque pixel. */
function word(color: string): number {
  const rgb = Number.parseInt(color.slice(1), 16);
  const [red, green, blue] = [(rgb >> 16) & 255, (rgb >> 8) & 255, rgb & 255];
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The part of the image, in its pixels, that became the model's input; `pad` reaches beyond it. */
export function inputArea(
  { width, height }: { readonly width: number; readonly height: number },
  model: Pick<ProbeModel, 'input_size'> | null,
  resize: 'stretch' | 'crop' | 'pad',
): Area {
  const [inputHeight, inputWidth] = model?.input_size ?? [];
  if (resize === 'stretch' || !inputHeight || !inputWidth) return { x: 0, y: 0, width, height };
  const ratio = inputWidth / inputHeight;
  const wide = width / height > ratio;
  const byHeight = resize === 'crop' ? wide : !wide;
  const size = byHeight ? { width: height * ratio, height } : { width, height: width / ratio };
  return { x: (width - size.width) / 2, y: (height - size.height) / 2, ...size };
}
