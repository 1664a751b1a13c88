/** Probe images, and what two imaginary networks make of them, as the server would tell of it. */
import type {
  Attribution,
  ChannelStrip,
  Flow,
  ImageSet,
  ImageSets,
  Patches,
  Predictions,
  ProbeImage,
  ProbeModel,
} from '../../src/client/types';
import { LAYERS } from './fixtures';

export const CLASSES = [
  'daffodil',
  'snowdrop',
  'lily of the valley',
  'bluebell',
  'crocus',
  'iris',
  'tigerlily',
  'tulip',
  'fritillary',
  'sunflower',
  'daisy',
  'coltsfoot',
  'dandelion',
  'cowslip',
  'buttercup',
  'windflower',
  'pansy',
] as const;

const HUES = [52, 90, 110, 230, 275, 250, 24, 350, 320, 46, 60, 50, 48, 58, 54, 200, 285];

export interface ProbingOptions {
  /** Images of the first set; 0 for none at all. */
  readonly images?: number;
  readonly classes?: number;
  readonly labelled?: boolean;
  readonly model?: Partial<ProbeModel>;
  /** A second set beside the first. */
  readonly second?: boolean;
  /** Why labels are not used. */
  readonly note?: string;
  /** Rows and columns that the maps of b have more than those of a. */
  readonly larger?: number;
}

export class FakeProbing {
  private readonly uploads: ProbeImage[] = [];

  constructor(private readonly options: ProbingOptions = {}) {}

  sets(run: string): ImageSets {
    const all = [this.main()].filter(({ images }) => images.length > 0);
    if (this.options.second) {
      all.push(setOf('run', 'probe_images', 'run', imagesOf('r', 12, this.classCount(), true)));
    }
    if (this.uploads.length > 0) all.push(this.uploaded());
    const advice = 'Start TensorBoard with --snapshot_compare_images DIR, or add images here.';
    return { run, version: String(this.uploads.length), sets: all, advice };
  }

  upload(name: string): ImageSet {
    const id = `u-${this.uploads.length}-${this.uploads.length % CLASSES.length}`;
    this.uploads.push({ id, name, label: null, width: 240, height: 180 });
    return this.uploaded();
  }

  model(): ProbeModel {
    const layers = LAYERS.filter(({ output }) => output.length > 2 || output.length === 2).slice(1);
    return {
      state: 'ready',
      reason: null,
      remedy: null,
      runner: 'keras',
      input_size: [113, 113, 3],
      classes: this.classCount(),
      probabilities: 'model',
      preprocessing: {
        resize: 'stretch',
        scale: 'none',
        order: 'rgb',
        mean: [],
        std: [],
        in_model: ['rescale'],
        stated: 'The model rescales its input itself (rescale); images are stretched to 113 × 113.',
      },
      layers: layers.map((layer, index) => {
        const before = index === 0 ? null : (layers[index - 1] ?? null);
        return {
          name: layer.name,
          shape: layer.output.slice(1),
          channels: layer.output.at(-1) ?? 0,
          input_layer: before?.name ?? null,
          input_channels: before?.output.at(-1) ?? null,
        };
      }),
      ...this.options.model,
    };
  }

  predictions(image: string): Predictions {
    const count = this.classCount();
    const entry = this.find(image);
    const { a, b } = probabilities(image, entry?.label ?? null, count);
    const first = this.main().images;
    return {
      image,
      classes: classNames(count),
      a,
      b,
      label: this.options.note ? null : (entry?.label ?? null),
      references: Array.from(
        { length: count },
        (_, index) => first.find(({ label }) => label === index)?.id ?? null,
      ),
      note: this.options.note ?? null,
    };
  }

  channels(image: string, layer: string): ChannelStrip {
    const known = this.model().layers.find(({ name }) => name === layer);
    const values = (count: number, seed: string) =>
      Array.from({ length: count }, (_, index) => random(`${seed} ${index}`) ** 3 * 6);
    return {
      image,
      layer,
      outputs: values(known?.channels ?? 0, `${image} ${layer}`),
      inputs: values(known?.input_channels ?? 0, `${image} ${known?.input_layer}`),
    };
  }

  maps(image: string, layer: string, channels: readonly number[], edge: number): ArrayBuffer {
    const shape = this.model().layers.find(({ name }) => name === layer)?.shape ?? [];
    const spatial = shape.length === 3;
    const height = spatial ? Math.min(edge, shape[0] ?? 1) : 1;
    const width = spatial ? Math.min(edge, shape[1] ?? 1) : 1;
    const { larger = 0 } = this.options;
    const sizeOfB = [height + larger, width + larger] as const;
    const strip = this.channels(image, layer).outputs;
    const a = channels.flatMap((channel) => map(`${image} ${layer} ${channel}`, height, width, 0));
    const b = channels.flatMap((channel) =>
      map(`${image} ${layer} ${channel}`, ...sizeOfB, (strip[channel] ?? 0) / 6),
    );
    const difference = channels.map((channel) => strip[channel] ?? 0);
    const shapeOfMaps = [channels.length, height, width];
    return tensorFile([
      ['difference', 'F64', [channels.length], new Float64Array(difference)],
      ['a', 'F32', shapeOfMaps, new Float32Array(a)],
      ['b', 'F32', [channels.length, ...sizeOfB], new Float32Array(b)],
      ['channels', 'I32', [channels.length], new Int32Array(channels)],
    ]);
  }

  patches(image: string, layer: string, channel: number, way: 'crop' | 'field'): Patches {
    const { width = 240, height = 180 } = this.find(image) ?? {};
    const side = (name: string) =>
      Array.from({ length: 5 }, (_, rank) => {
        const seed = `${image} ${layer} ${channel} ${way} ${name} ${rank}`;
        const size = way === 'field' ? 50 : 30 + Math.round(random(seed) * 80);
        const left = Math.round(random(`${seed} x`) * (width - size));
        const top = Math.round(random(`${seed} y`) * (height - size));
        return { box: [left, top, left + size, top + size], score: 4.2 - rank * 0.61 };
      });
    const proposals = way === 'crop' ? 214 : 169;
    return { image, layer, channel, way, proposals, a: side('a'), b: side('b') };
  }

  flow(set: string): Flow {
    const known = this.sets('').sets.find(({ id }) => id === set);
    const count = this.classCount();
    const images = (known?.images ?? []).map(({ id, label: own }) => {
      const label = this.options.note ? null : own;
      const { a, b } = probabilities(id, label, count);
      return {
        image: id,
        label,
        predicted_a: largest(a),
        predicted_b: largest(b),
        truth_a: label === null ? null : (a[label] ?? null),
        truth_b: label === null ? null : (b[label] ?? null),
      };
    });
    const labelled = images.filter(({ label }) => label !== null);
    const share = (key: 'predicted_a' | 'predicted_b') =>
      labelled.length === 0
        ? null
        : labelled.filter((entry) => entry[key] === entry.label).length / labelled.length;
    return {
      set,
      classes: classNames(count),
      images,
      labelled: labelled.length,
      accuracy_a: share('predicted_a'),
      accuracy_b: share('predicted_b'),
      failed: [],
      note: this.options.note ?? null,
    };
  }

  attribution(images: number, layer: string | null): Attribution {
    const parts = layer === null ? layerParts() : filterParts(layer);
    const shares = parts.map(({ carried }) => carried ?? 0);
    return {
      layer,
      images,
      parts,
      sum: shares.reduce((sum, value) => sum + value, 0),
      whole_truth: 0.184,
      whole_flips: Math.round(images * 0.21),
      distance: 7.31,
    };
  }

  private main(): ImageSet {
    const { images = 136, labelled = true } = this.options;
    return setOf(
      'main',
      'flowers',
      'directory',
      imagesOf('m', images, this.classCount(), labelled),
    );
  }

  private uploaded(): ImageSet {
    return setOf('upload', 'uploaded', 'upload', this.uploads);
  }

  private find(id: string): ProbeImage | undefined {
    return this.sets('')
      .sets.flatMap(({ images }) => images)
      .find((image) => image.id === id);
  }

  private classCount(): number {
    return this.options.classes ?? CLASSES.length;
  }
}

/** A flower in the colour of its class, as the picture of an image. */
export function fakePicture(image: string): string {
  const [, place = '0', label = '0'] = image.split('-');
  const hue = HUES[Number(label) % HUES.length] ?? 0;
  const seed = Number(place);
  const petals = 5 + (Number(label) % 4);
  const [x, y, size] = [90 + ((seed * 37) % 60), 70 + ((seed * 23) % 40), 34 + ((seed * 7) % 18)];
  const shapes = Array.from({ length: petals }, (_, index) => {
    const turn = (360 / petals) * index + seed * 9;
    return `<ellipse cx="${x}" cy="${y - size * 0.75}" rx="${size * 0.42}" ry="${size * 0.75}" transform="rotate(${turn} ${x} ${y})" fill="hsl(${hue} 75% ${58 + (index % 3) * 5}%)"/>`;
  });
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="240" height="180">` +
    `<rect width="240" height="180" fill="hsl(${100 + (seed % 5) * 8} 30% ${30 + (seed % 4) * 5}%)"/>` +
    `<path d="M${x} ${y}Q${x + 20} 140 ${x - 8} 180" stroke="hsl(110 45% 26%)" stroke-width="6" fill="none"/>` +
    `${shapes.join('')}<circle cx="${x}" cy="${y}" r="${size * 0.34}" fill="hsl(42 85% 55%)"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

function setOf(
  id: string,
  name: string,
  source: ImageSet['source'],
  images: readonly ProbeImage[],
): ImageSet {
  const classes = images.some(({ label }) => label !== null) ? [...CLASSES] : [];
  return { id, name, source, classes, images: [...images], truncated: 0, problem: null };
}

function imagesOf(prefix: string, count: number, classes: number, labelled: boolean): ProbeImage[] {
  return Array.from({ length: count }, (_, index) => {
    const label = index % Math.min(classes, CLASSES.length);
    return {
      id: `${prefix}-${index}-${label}`,
      name: `image_${String(index).padStart(4, '0')}.png`,
      label: labelled ? label : null,
      width: 240,
      height: 180,
    };
  });
}

function classNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => CLASSES[index] ?? `class ${index}`);
}

/** a is often wrong, b seldom; both are sure of something. */
function probabilities(image: string, label: number | null, count: number) {
  const truth = label ?? Math.floor(random(`${image} t`) * count);
  const twin = (truth + (truth % 2 === 0 ? 1 : count - 1)) % count;
  const of = (side: string, right: number) => {
    const chosen = random(`${image} ${side}`) < right ? truth : twin;
    const sure = 0.45 + random(`${image} ${side} sure`) * 0.5;
    const rest = Array.from({ length: count }, (_, at) => random(`${image} ${side} ${at}`) ** 6);
    const sum = rest.reduce((all, value) => all + value, 0);
    return rest.map((value, at) => (at === chosen ? sure : 0) + ((1 - sure) * value) / sum);
  };
  return { a: of('a', 0.68), b: of('b', 0.86) };
}

function layerParts(): Attribution['parts'] {
  const shares = [0.31, 0.12, 0.22, -0.03, 0.17, 0.28, 0.08, 0.41];
  return LAYERS.filter(({ kernel }) => kernel).map(({ name }, index) => ({
    name,
    tensors: [`${name}/kernel`, `${name}/bias`],
    filters: null,
    carried: shares[index] ?? 0.05,
    truth: (shares[index] ?? 0) * 0.19,
    flips: Math.max(0, Math.round((shares[index] ?? 0) * 22)),
  }));
}

function filterParts(layer: string): Attribution['parts'] {
  const count = LAYERS.find(({ name }) => name === layer)?.kernel?.at(-1) ?? 16;
  const size = Math.ceil(count / 8);
  return Array.from({ length: 8 }, (_, group) => ({
    name: layer,
    tensors: [`${layer}/kernel`, `${layer}/bias`],
    filters: Array.from({ length: size }, (_, at) => group * size + at).filter((at) => at < count),
    carried: 0.01 + random(`${layer} ${group}`) ** 2 * 0.14,
    truth: 0.01,
    flips: Math.round(random(`${layer} ${group} f`) * 4),
  }));
}

function largest(values: readonly number[]): number {
  return values.reduce((best, value, at) => (value > (values[best] ?? -1) ? at : best), 0);
}

/** Two soft blobs, rectified; b's are moved by `shift`. */
function map(seed: string, height: number, width: number, shift: number): number[] {
  const [x, y, wide] = [random(`${seed} x`), random(`${seed} y`), 0.1 + random(`${seed} w`) * 0.25];
  return Array.from({ length: height * width }, (_, at) => {
    const [u, v] = [((at % width) + 0.5) / width, (Math.floor(at / width) + 0.5) / height];
    const blob = Math.exp(-((u - x - shift * 0.4) ** 2 + (v - y) ** 2) / (2 * wide * wide));
    const other = 0.5 * Math.exp(-((u - 1 + x) ** 2 + (v - y) ** 2) / (2 * wide * wide)) * shift;
    return Math.max(0, 3 * (blob + other) - 0.3);
  });
}

/** 0 to 1, the same for the same seed. */
function random(seed: string): number {
  let hash = 2166136261;
  for (const letter of seed) hash = Math.imul(hash ^ letter.charCodeAt(0), 16777619);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 2246822519);
  hash ^= hash >>> 13;
  return (hash >>> 0) / 2 ** 32;
}

type Part = readonly [string, string, readonly number[], Float64Array | Float32Array | Int32Array];

function tensorFile(parts: readonly Part[]): ArrayBuffer {
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const [name, dtype, shape, values] of parts) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + values.byteLength] };
    offset += values.byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(text.length / 8) * 8;
  const buffer = new ArrayBuffer(8 + length + offset);
  new DataView(buffer).setBigUint64(0, BigInt(length), true);
  const bytes = new Uint8Array(buffer, 8);
  bytes.fill(0x20, 0, length).set(text);
  let at = length;
  for (const [, , , values] of parts) {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
    at += values.byteLength;
  }
  return buffer;
}
