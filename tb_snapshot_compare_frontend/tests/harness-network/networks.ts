/** Networks for tests of the network architecture view: made as Keras would, with made-up measures. */
import type {
  Architecture,
  Comparison,
  FilterMeasures,
  LayerDifference,
  LayerNode,
  Measures,
  Snapshot,
} from '../../src/client/types';

/** Deterministic numbers in [0, 1) (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

type Shape = readonly (number | null)[];

export class Builder {
  readonly nodes: LayerNode[] = [];
  readonly edges: { source: string; target: string }[] = [];

  group(name: string, parent: string | null = null): string {
    this.nodes.push({
      name,
      kind: 'Functional',
      parent,
      is_group: true,
      output_shape: null,
      tensors: [],
      parameters: 0,
      side: 'both',
    });
    return name;
  }

  layer(
    name: string,
    kind: string,
    from: readonly string[],
    options: { parameters?: number; shape?: Shape; parent?: string; side?: LayerNode['side'] } = {},
  ): string {
    const { parameters = 0, shape = null, parent = null, side = 'both' } = options;
    this.nodes.push({
      name,
      kind,
      parent,
      is_group: false,
      output_shape: shape ? [...shape] : null,
      tensors: parameters > 0 ? [`${name}/kernel`, `${name}/bias`] : [],
      parameters,
      side,
    });
    for (const source of from) this.edges.push({ source, target: name });
    return name;
  }

  conv(name: string, from: string, size: number, channels: number, weights: number): string {
    return this.layer(name, 'Conv2D', [from], {
      parameters: weights,
      shape: [null, size, size, channels],
    });
  }

  build(): Architecture {
    return {
      source: 'keras_config',
      note: 'Read from the configuration stored with the model.',
      nodes: this.nodes,
      edges: this.edges,
    };
  }
}

export function alexNet(): Architecture {
  const net = new Builder();
  const relu = (name: string): string => net.layer(`relu_${name}`, 'ReLU', [name]);
  let at = net.layer('input', 'InputLayer', [], { shape: [null, 227, 227, 3] });
  at = relu(net.conv('conv1', at, 55, 96, 34_944));
  at = net.layer('pool1', 'MaxPooling2D', [at], { shape: [null, 27, 27, 96] });
  at = relu(net.conv('conv2', at, 27, 256, 614_656));
  at = net.layer('pool2', 'MaxPooling2D', [at], { shape: [null, 13, 13, 256] });
  at = relu(net.conv('conv3', at, 13, 384, 885_120));
  at = relu(net.conv('conv4', at, 13, 384, 1_327_488));
  at = relu(net.conv('conv5', at, 13, 256, 884_992));
  at = net.layer('pool5', 'MaxPooling2D', [at], { shape: [null, 6, 6, 256] });
  at = net.layer('flatten', 'Flatten', [at], { shape: [null, 9216] });
  const dense = (name: string, from: string, units: number, parameters: number): string =>
    net.layer(name, 'Dense', [from], { parameters, shape: [null, units] });
  at = net.layer('drop6', 'Dropout', [relu(dense('fc6', at, 4096, 37_752_832))]);
  at = net.layer('drop7', 'Dropout', [relu(dense('fc7', at, 4096, 16_781_312))]);
  net.layer('softmax', 'Softmax', [dense('fc8', at, 17, 69_649)]);
  return net.build();
}

export function resNet50(): Architecture {
  const net = new Builder();
  const norm = (name: string, from: string, channels: number): string =>
    net.layer(name, 'BatchNormalization', [from], { parameters: 4 * channels });
  const relu = (name: string, from: string): string => net.layer(name, 'Activation', [from]);
  let at = net.layer('input_1', 'InputLayer', [], { shape: [null, 224, 224, 3] });
  at = net.layer('conv1_pad', 'ZeroPadding2D', [at]);
  at = relu('conv1_relu', norm('conv1_bn', net.conv('conv1_conv', at, 112, 64, 9472), 64));
  at = net.layer('pool1_pad', 'ZeroPadding2D', [at]);
  at = net.layer('pool1_pool', 'MaxPooling2D', [at], { shape: [null, 56, 56, 64] });
  const stages = [
    [2, 3, 64, 56],
    [3, 4, 128, 28],
    [4, 6, 256, 14],
    [5, 3, 512, 7],
  ] as const;
  let channels = 64;
  for (const [stage, blocks, width, size] of stages) {
    for (let block = 1; block <= blocks; block++) {
      const name = `conv${stage}_block${block}`;
      const start = at;
      let shortcut = start;
      if (block === 1) {
        const projected = net.conv(`${name}_0_conv`, start, size, 4 * width, channels * 4 * width);
        shortcut = norm(`${name}_0_bn`, projected, 4 * width);
      }
      at = net.conv(`${name}_1_conv`, start, size, width, channels * width);
      at = relu(`${name}_1_relu`, norm(`${name}_1_bn`, at, width));
      at = net.conv(`${name}_2_conv`, at, size, width, 9 * width * width);
      at = relu(`${name}_2_relu`, norm(`${name}_2_bn`, at, width));
      at = net.conv(`${name}_3_conv`, at, size, 4 * width, 4 * width * width);
      at = norm(`${name}_3_bn`, at, 4 * width);
      at = relu(`${name}_out`, net.layer(`${name}_add`, 'Add', [shortcut, at]));
      channels = 4 * width;
    }
  }
  at = net.layer('avg_pool', 'GlobalAveragePooling2D', [at], { shape: [null, 2048] });
  net.layer('predictions', 'Dense', [at], { parameters: 2_049_000, shape: [null, 1000] });
  return net.build();
}

/** Every layer of a dense block reads all earlier ones directly: the hardest case for edges. */
export function denseNet121(): Architecture {
  const net = new Builder();
  const norm = (name: string, from: string): string =>
    net.layer(name, 'BatchNormalization', [from], { parameters: 512 });
  let at = net.layer('input', 'InputLayer', [], { shape: [null, 224, 224, 3] });
  at = net.conv('conv1_conv', at, 112, 64, 9408);
  at = net.layer('conv1_relu', 'Activation', [norm('conv1_bn', at)]);
  at = net.layer('pool1', 'MaxPooling2D', [at], { shape: [null, 56, 56, 64] });
  const sizes = [6, 12, 24, 16];
  sizes.forEach((count, index) => {
    const stage = index + 2;
    const outputs = [at];
    for (let block = 1; block <= count; block++) {
      const name = `conv${stage}_block${block}`;
      const all = net.layer(`${name}_concat`, 'Concatenate', outputs);
      const first = net.conv(`${name}_1_conv`, all, 56, 128, 128 * (64 + 32 * block));
      const active = net.layer(`${name}_1_relu`, 'Activation', [norm(`${name}_1_bn`, first)]);
      outputs.push(net.conv(`${name}_2_conv`, active, 56, 32, 36_864));
    }
    at = net.layer(`pool${stage}_concat`, 'Concatenate', outputs);
    if (index < 3) {
      at = net.conv(`pool${stage}_conv`, at, 28, 256, 131_072);
      at = net.layer(`pool${stage}_pool`, 'AveragePooling2D', [at]);
    }
  });
  at = net.layer('relu', 'Activation', [norm('bn', at)]);
  at = net.layer('avg_pool', 'GlobalAveragePooling2D', [at], { shape: [null, 1024] });
  net.layer('predictions', 'Dense', [at], { parameters: 1_025_000, shape: [null, 1000] });
  return net.build();
}

/** A shared encoder called for two inputs, nested groups, and layers of one side only. */
export function sharedModel(): Architecture {
  const net = new Builder();
  const left = net.layer('left', 'InputLayer', [], { shape: [null, 64, 64, 3] });
  const right = net.layer('right', 'InputLayer', [], { shape: [null, 64, 64, 3] });
  const encoder = net.group('encoder');
  const stem = net.group('encoder/stem', encoder);
  const inside = (
    name: string,
    kind: string,
    from: readonly string[],
    parameters = 0,
    parent = encoder,
  ): string => net.layer(name, kind, from, { parameters, parent, shape: [null, 32, 32, 32] });
  const conv1 = inside('encoder/stem/conv1', 'Conv2D', [left, right], 896, stem);
  const conv2 = inside('encoder/stem/conv2', 'Conv2D', [conv1], 9248, stem);
  const wide = inside('encoder/wide', 'Conv2D', [conv2], 18_496);
  const narrow = inside('encoder/narrow', 'Conv2D', [conv2], 2080);
  const joined = inside('encoder/concat', 'Concatenate', [wide, narrow]);
  const code = inside('encoder/code', 'Dense', [joined], 262_272);
  const distance = net.layer('distance', 'Subtract', [code]);
  const extra = net.layer('gate', 'Dense', [distance], {
    parameters: 4160,
    shape: [null, 64],
    side: 'b',
  });
  const old = net.layer('head_old', 'Dense', [distance], {
    parameters: 2080,
    shape: [null, 32],
    side: 'a',
  });
  net.layer('score', 'Dense', [distance, extra, old], { parameters: 65, shape: [null, 1] });
  return net.build();
}

/** An encoder and a decoder with skips over the middle. */
export function uNet(): Architecture {
  const net = new Builder();
  let at = net.layer('input', 'InputLayer', [], { shape: [null, 128, 128, 1] });
  const skips: string[] = [];
  for (let level = 1; level <= 4; level++) {
    at = net.conv(`down${level}_a`, at, 128 >> level, 16 << level, 2304 << level);
    at = net.conv(`down${level}_b`, at, 128 >> level, 16 << level, 4608 << level);
    skips.push(at);
    at = net.layer(`pool${level}`, 'MaxPooling2D', [at]);
  }
  at = net.conv('middle', at, 8, 512, 1_180_160);
  for (let level = 4; level >= 1; level--) {
    at = net.layer(`up${level}`, 'UpSampling2D', [at]);
    at = net.layer(`concat${level}`, 'Concatenate', [at, skips[level - 1] as string]);
    at = net.conv(`up${level}_a`, at, 128 >> level, 16 << level, 4608 << level);
    at = net.conv(`up${level}_b`, at, 128 >> level, 16 << level, 2304 << level);
  }
  net.conv('mask', at, 128, 1, 33);
  return net.build();
}

export function namesOnly(): Architecture {
  const { nodes } = alexNet();
  return {
    source: 'names',
    note: 'No model configuration was found: layers are listed by the names of their tensors.',
    nodes: nodes.filter((node) => node.parameters > 0),
    edges: [],
  };
}

export function measures(scale: number, count: number, random: () => number): Measures {
  const mean = scale * (0.4 + random());
  const l2 = mean * Math.sqrt(count) * 1.25;
  return {
    l2,
    relative_l2: 0.05 + 0.6 * random(),
    l1: mean * count,
    max_abs: mean * (6 + 8 * random()),
    mean_abs: mean,
    mean_relative_percent: 0.1 + random(),
    cosine: 1 - 0.3 * random(),
    sign_flips: Math.round(count * 0.1 * random()),
    changed: 0.9 + 0.1 * random(),
    nan_a: 0,
    nan_b: 0,
    inf_a: 0,
    inf_b: 0,
  };
}

const snapshot = (id: string, epoch: number): Snapshot => ({
  id,
  generation: id,
  run: 'run',
  name: `epoch ${epoch}`,
  label: `epoch ${epoch}`,
  step: epoch * 100,
  step_source: 'file name',
  epoch,
  epoch_source: 'file name',
  modified: 0,
  size: 1000,
  formats: ['keras'],
  state: 'ready',
  reason: null,
});

export function compared(architecture: Architecture, seed = 7): Comparison {
  const random = seeded(seed);
  const layers: LayerDifference[] = architecture.nodes
    .filter((node) => node.parameters > 0 && node.side === 'both')
    .map((node) => ({
      name: node.name,
      kind: node.kind,
      count: node.parameters,
      measures: measures(0.02 / node.parameters ** 0.25, node.parameters, random),
    }));
  const model = layers[0]?.measures ?? measures(0.01, 10, random);
  return {
    a: snapshot('a', 10),
    b: snapshot('b', 40),
    coverage: {
      tensors_compared: layers.length * 2,
      tensors_total: layers.length * 2,
      elements_compared: 100,
      elements_total: 100,
    },
    left_out: { optimizer: 0, state: 0 },
    model,
    layers,
    tensors: [],
  };
}

export function filtersOf(layer: string, filters: number, seed = 3): FilterMeasures {
  const random = seeded(seed);
  const values = Float64Array.from({ length: filters }, () => 0.002 + 0.05 * random() ** 2.5);
  const keys = Object.keys(measures(1, 1, random)) as (keyof Measures)[];
  return {
    layer,
    tensor: `${layer}/kernel`,
    filters,
    measures: Object.fromEntries(keys.map((key) => [key, values])) as FilterMeasures['measures'],
  };
}

export const NETWORKS = { alexNet, resNet50, denseNet121, sharedModel, uNet, namesOnly } as const;
export type NetworkName = keyof typeof NETWORKS;
