/** A training run of 40 epochs of an AlexNet-like network, as the server would tell of it. */
import type {
  Architecture,
  Comparison,
  Curves,
  Distribution,
  LayerNode,
  Listing,
  Measures,
  Run,
  Snapshot,
  TensorDifference,
  Trend,
} from '../../src/client/types';

export const STEPS_PER_EPOCH = 34;
const START = Date.UTC(2026, 10, 21, 1, 0, 0) / 1000;

interface Layer {
  readonly name: string;
  readonly kind: string;
  readonly output: readonly (number | null)[];
  readonly kernel?: readonly number[];
}

export const LAYERS: readonly Layer[] = [
  { name: 'image', kind: 'InputLayer', output: [null, 113, 113, 3] },
  { name: 'conv1', kind: 'Conv2D', output: [null, 27, 27, 48], kernel: [11, 11, 3, 48] },
  { name: 'pool1', kind: 'MaxPooling2D', output: [null, 13, 13, 48] },
  { name: 'conv2', kind: 'Conv2D', output: [null, 13, 13, 128], kernel: [5, 5, 48, 128] },
  { name: 'pool2', kind: 'MaxPooling2D', output: [null, 6, 6, 128] },
  { name: 'conv3', kind: 'Conv2D', output: [null, 6, 6, 192], kernel: [3, 3, 128, 192] },
  { name: 'conv4', kind: 'Conv2D', output: [null, 6, 6, 192], kernel: [3, 3, 192, 192] },
  { name: 'conv5', kind: 'Conv2D', output: [null, 6, 6, 128], kernel: [3, 3, 192, 128] },
  { name: 'pool5', kind: 'MaxPooling2D', output: [null, 2, 2, 128] },
  { name: 'flatten', kind: 'Flatten', output: [null, 512] },
  { name: 'fc6', kind: 'Dense', output: [null, 1024], kernel: [512, 1024] },
  { name: 'dropout6', kind: 'Dropout', output: [null, 1024] },
  { name: 'fc7', kind: 'Dense', output: [null, 1024], kernel: [1024, 1024] },
  { name: 'dropout7', kind: 'Dropout', output: [null, 1024] },
  { name: 'fc8', kind: 'Dense', output: [null, 17], kernel: [1024, 17] },
];

export function snapshotOf(
  epoch: number,
  run = 'alexnet',
  changes: Partial<Snapshot> = {},
): Snapshot {
  const step = epoch * STEPS_PER_EPOCH;
  return {
    id: `${run}-${epoch}`.replaceAll('/', '_'),
    generation: `g${epoch}`,
    run,
    name: `epoch-${String(epoch).padStart(3, '0')}.keras`,
    label: `epoch ${epoch} · step ${step.toLocaleString('en-US')}`,
    step,
    step_source: 'optimizer iterations',
    epoch,
    epoch_source: 'file name',
    modified: START + epoch * 47,
    size: 30_204_928 + epoch,
    formats: ['keras'],
    state: 'ready',
    reason: null,
    ...changes,
  };
}

export function runOf(epochs: number, name = 'alexnet'): Run {
  const snapshots = Array.from({ length: epochs }, (_, index) => snapshotOf(index + 1, name));
  return { name, event_runs: [`${name}/train`, `${name}/validation`], snapshots, has_log: false };
}

/** 40 epochs, one of them broken and the newest being written, and a second, shorter run. */
export function listingOf(changes: Partial<Listing> = {}): Listing {
  const main = runOf(40);
  const snapshots = main.snapshots.map((snapshot) => {
    if (snapshot.epoch === 23) {
      const reason = 'the archive ends after 12.4 MB of 30.2 MB: write it again or remove it';
      return { ...snapshot, state: 'broken' as const, reason };
    }
    return snapshot;
  });
  const newest = snapshotOf(41, 'alexnet', {
    state: 'being_written',
    reason: 'its size is still growing',
  });
  return {
    version: 7,
    scanning: false,
    roots: [{ name: '', path: '/home/mira/flowers/logs', problem: null }],
    runs: [{ ...main, snapshots: [...snapshots, newest] }, runOf(12, 'alexnet-dropout')],
    suggested: { a: 'alexnet-10', b: 'alexnet-40' },
    matches: '',
    ...changes,
  };
}

export function emptyListing(changes: Partial<Listing> = {}): Listing {
  return listingOf({ runs: [], suggested: null, ...changes });
}

export function listingWith(snapshots: readonly Snapshot[]): Listing {
  const run: Run = {
    name: 'alexnet',
    event_runs: ['alexnet/train'],
    snapshots: [...snapshots],
    has_log: false,
  };
  const ready = snapshots.filter(({ state }) => state === 'ready');
  const [first, last] = [ready[0], ready.at(-1)];
  const suggested = first && last && first !== last ? { a: first.id, b: last.id } : null;
  return listingOf({ runs: [run], suggested });
}

export function curvesOf(run: string, epochs = 40): Curves {
  const random = generator(11);
  const x = Array.from({ length: epochs }, (_, index) => index + 1);
  const steps = Array.from({ length: epochs * 4 }, (_, index) => (index + 1) * 8.5);
  const noise = (size: number) => (random() - 0.5) * size;
  const loss = (t: number, floor: number) => 2.8 * Math.exp(-t / 9) + floor;
  return {
    run,
    curves: [
      curve('train', 'epoch_loss', 'loss', 'epoch', x, (t) => loss(t, 0.06) + noise(0.05)),
      curve(
        'validation',
        'epoch_loss',
        'loss',
        'epoch',
        x,
        (t) => loss(t, 0.7) + t * 0.006 + noise(0.14),
      ),
      curve(
        'train',
        'epoch_accuracy',
        'accuracy',
        'epoch',
        x,
        (t) => 0.985 - 0.9 * Math.exp(-t / 8) + noise(0.01),
      ),
      curve(
        'validation',
        'epoch_accuracy',
        'accuracy',
        'epoch',
        x,
        (t) => 0.76 - 0.7 * Math.exp(-t / 7) + noise(0.03),
      ),
      curve('train', 'epoch_learning_rate', 'other', 'epoch', x, () => 0.001),
      curve(
        'train',
        'batch_loss',
        'loss',
        'step',
        steps,
        (t) => loss(t / STEPS_PER_EPOCH, 0.06) + noise(0.3),
      ),
    ],
  };

  function curve(
    part: string,
    tag: string,
    kind: 'loss' | 'accuracy' | 'other',
    axis: 'epoch' | 'step',
    places: number[],
    value: (t: number) => number,
  ): Curves['curves'][number] {
    return { run: `${run}/${part}`, tag, kind, axis, x: places, y: places.map(value) };
  }
}

export function architectureOf(): Architecture {
  return {
    source: 'keras_config',
    note: 'The network as the Keras configuration in the snapshot describes it.',
    nodes: LAYERS.map(
      (layer): LayerNode => ({
        name: layer.name,
        kind: layer.kind,
        parent: null,
        is_group: false,
        output_shape: [...layer.output],
        tensors: layer.kernel ? [`${layer.name}/kernel`, `${layer.name}/bias`] : [],
        parameters: parametersOf(layer),
        side: 'both',
      }),
    ),
    edges: LAYERS.slice(1).map((layer, index) => ({
      source: (LAYERS[index] as Layer).name,
      target: layer.name,
    })),
  };
}

export interface ComparisonOptions {
  /** Names of tensors that cannot be read. */
  readonly unreadable?: readonly string[];
}

export function comparisonOf(
  a: Snapshot,
  b: Snapshot,
  { unreadable = [] }: ComparisonOptions = {},
): Comparison {
  const scale = Math.abs((b.epoch ?? 0) - (a.epoch ?? 0)) / 30;
  const tensors = LAYERS.filter((layer) => layer.kernel).flatMap((layer, index) => [
    tensorOf(layer, 'kernel', layer.kernel ?? [], scale * (0.5 + ((index * 5) % 8) / 5)),
    tensorOf(layer, 'bias', [layer.output.at(-1) ?? 0], scale * 0.2),
  ]);
  const marked = tensors.map(
    (tensor): TensorDifference =>
      unreadable.includes(tensor.name)
        ? {
            ...tensor,
            status: 'unreadable',
            measures: null,
            problem: 'the checksum of its block does not match',
          }
        : tensor,
  );
  const compared = marked.filter((tensor) => tensor.status === 'compared');
  return {
    a,
    b,
    coverage: {
      tensors_compared: compared.length,
      tensors_total: marked.length,
      elements_compared: total(compared),
      elements_total: total(marked),
    },
    left_out: { optimizer: 33, state: 2 },
    model: measuresOf(scale, total(compared)),
    layers: LAYERS.filter((layer) => layer.kernel).map((layer) => {
      const own = compared.filter((tensor) => tensor.layer === layer.name);
      const measures = own.find(({ role }) => role === 'kernel')?.measures ?? measuresOf(0, 0);
      return { name: layer.name, kind: layer.kind, count: total(own), measures };
    }),
    tensors: marked,
  };
}

export function distributionOf(layer: string | null, bins: number, levels: number): Distribution {
  const edges = (from: number, to: number, count: number) =>
    Array.from({ length: count + 1 }, (_, index) => from + ((to - from) * index) / count);
  const counts = Array.from({ length: bins }, (_, bin) => {
    const place = ((bin + 0.5) / bins - 0.5) * 6;
    const height = 90_000 * Math.exp(-(place ** 2) / 2);
    return Array.from({ length: levels }, (_, level) =>
      Math.round(height * Math.exp(-level * (1.4 - Math.min(1.2, Math.abs(place) / 3)))),
    );
  });
  return {
    layer,
    tensor: null,
    bin_edges: edges(-0.0094, 0.009, bins),
    level_edges: edges(0, 2, levels),
    counts,
    total: counts.flat().reduce((sum, count) => sum + count, 0),
    excluded: 0,
  };
}

/** The filters' answer: safetensors bytes. */
export function filtersOf(layer: string): ArrayBuffer {
  const kernel = LAYERS.find(({ name }) => name === layer)?.kernel ?? [1];
  const count = kernel.at(-1) ?? 1;
  const random = generator(layer.length + count);
  const names = Object.keys(measuresOf(1, 1));
  const header: Record<string, unknown> = {
    __metadata__: { layer, tensor: `${layer}/kernel`, filters: String(count) },
  };
  names.forEach((name, index) => {
    const offsets = [index * count * 8, (index + 1) * count * 8];
    header[name] = { dtype: 'F64', shape: [count], data_offsets: offsets };
  });
  const text = new TextEncoder().encode(JSON.stringify(header));
  const headerLength = Math.ceil(text.length / 8) * 8;
  const buffer = new ArrayBuffer(8 + headerLength + names.length * count * 8);
  new DataView(buffer).setBigUint64(0, BigInt(headerLength), true);
  new Uint8Array(buffer, 8, headerLength).fill(0x20).set(text);
  const values = new Float64Array(buffer, 8 + headerLength);
  for (let index = 0; index < values.length; index += 1) values[index] = random() ** 2;
  return buffer;
}

export function measuresOf(scale: number, count: number): Measures {
  return {
    l2: 4.2 * scale,
    relative_l2: 0.31 * scale,
    l1: 900 * scale,
    max_abs: 0.08 * scale,
    mean_abs: 0.0021 * scale,
    mean_relative_percent: Math.min(2, 0.42 * scale),
    cosine: 1 - 0.04 * scale,
    sign_flips: Math.round(count * 0.03 * scale),
    changed: scale === 0 ? 0 : 0.998,
    nan_a: 0,
    nan_b: 0,
    inf_a: 0,
    inf_b: 0,
  };
}

function tensorOf(
  layer: Layer,
  role: string,
  shape: readonly number[],
  scale: number,
): TensorDifference {
  const count = shape.reduce((product, size) => product * size, 1);
  return {
    name: `${layer.name}/${role}`,
    layer: layer.name,
    role,
    scope: 'weights',
    dtype_a: 'float32',
    dtype_b: 'float32',
    shape_a: [...shape],
    shape_b: [...shape],
    status: 'compared',
    rule: 'name',
    count,
    problem: null,
    measures: measuresOf(scale, count),
  };
}

function parametersOf({ kernel, output }: Layer): number {
  return kernel ? kernel.reduce((product, size) => product * size, 1) + (output.at(-1) ?? 0) : 0;
}

function total(tensors: readonly TensorDifference[]): number {
  return tensors.reduce((sum, { count }) => sum + count, 0);
}

/** A small seeded generator (mulberry32): the same picture every time. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Every layer's change from epoch to epoch, smaller with every epoch; the oldest pairs wait. */
export function trendOf(snapshots: readonly Snapshot[], changes: Partial<Trend> = {}): Trend {
  const layers = LAYERS.filter(({ kernel }) => kernel).map(({ name }) => name);
  const ready = snapshots.filter(({ state }) => state === 'ready');
  return {
    run: 'alexnet',
    version: 3,
    layers,
    snapshots: ready.map(({ id, generation, label, step, epoch, modified }) => ({
      id,
      generation,
      label,
      step,
      epoch,
      modified,
      gone: false,
    })),
    pairs: ready.slice(1).map((_, index) => ({
      a: index,
      b: index + 1,
      state: 'done' as const,
      fraction: null,
      problem: null,
      compared: 100,
      total: 100,
      l2: layers.map((_, layer) => (10 * (layer + 1)) / (index + 1)),
      relative_l2: layers.map((_, layer) => (0.1 * (layer + 1)) / (index + 1)),
    })),
    ...changes,
  };
}
