/** A made-up log of a training: seeded, with stages of the learning rate and two planted incidents. */
import type {
  FilterSeries,
  LayerBands,
  LayerSeries,
  TopFilters,
  Training,
  TrainingUnit,
} from '../../src/client/types';

export interface MadeLog {
  readonly training: Training;
  readonly incidents: readonly number[];
}

/** Numbers in [0, 1) that are the same on every machine (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export function seedOf(text: string): number {
  let hash = 2166136261;
  for (const letter of text) hash = Math.imul(hash ^ letter.charCodeAt(0), 16777619);
  return hash >>> 0;
}

function group(path: string, parent: string, parameters: number): TrainingUnit {
  return { path, parent, kind: 'group', is_layer: false, filters: 0, parameters };
}

function conv(path: string, parent: string, filters: number, inputs: number, size: number) {
  const parameters = filters * inputs * size * size;
  return { path, parent, kind: 'Conv2D', is_layer: true, filters, parameters };
}

/** 54 layers: conv1, 16 blocks of three and four shortcuts in four stages, fc1000. */
export function resNet50(): readonly TrainingUnit[] {
  const units: TrainingUnit[] = [conv('conv1', '', 64, 3, 7)];
  const blocks = [3, 4, 6, 3];
  let inputs = 64;
  blocks.forEach((count, at) => {
    const stage = `conv${at + 2}`;
    const width = 64 * 2 ** at;
    const inner: TrainingUnit[] = [];
    for (let block = 1; block <= count; block += 1) {
      const path = `${stage}/block${block}`;
      const layers = [
        conv(`${path}/conv1`, path, width, inputs, 1),
        conv(`${path}/conv2`, path, width, width, 3),
        conv(`${path}/conv3`, path, 4 * width, width, 1),
        ...(block === 1 ? [conv(`${path}/shortcut`, path, 4 * width, inputs, 1)] : []),
      ];
      inner.push(group(path, stage, sum(layers)), ...layers);
      inputs = 4 * width;
    }
    units.push(group(stage, '', sum(inner.filter(({ is_layer }) => is_layer))), ...inner);
  });
  units.push({
    path: 'fc1000',
    parent: '',
    kind: 'Dense',
    is_layer: true,
    filters: 1000,
    parameters: 2048 * 1000 + 1000,
  });
  const model = { ...group('', '', sum(units.filter(({ is_layer }) => is_layer))), parent: null };
  return [model, ...units];
}

export function smallNetwork(): readonly TrainingUnit[] {
  const layers = [
    conv('conv1', '', 16, 1, 3),
    conv('conv2', '', 32, 16, 3),
    { path: 'fc', parent: '', kind: 'Dense', is_layer: true, filters: 10, parameters: 15_690 },
  ];
  return [{ ...group('', '', sum(layers)), parent: null }, ...layers];
}

/** A flat network of many layers. */
export function deepNetwork(count: number): readonly TrainingUnit[] {
  const layers = Array.from({ length: count }, (_, at) => conv(`layer${at}`, '', 32, 32, 3));
  return [{ ...group('', '', sum(layers)), parent: null }, ...layers];
}

function sum(units: readonly TrainingUnit[]): number {
  return units.reduce((total, { parameters }) => total + parameters, 0);
}

export function logOf(
  units: readonly TrainingUnit[],
  dumpCount: number,
  every: number,
  changes: Partial<Training> = {},
): MadeLog {
  const dumps = Array.from({ length: dumpCount }, (_, at) => (at + 1) * every);
  const incidents = [0.46, 0.81].map((share) => Math.floor(share * dumpCount));
  const training: Training = {
    run: 'resnet50',
    version: '1',
    origin: 'recorded',
    note: 'Recorded by the training program.',
    state: 'ready',
    done: 0,
    total: 0,
    dumps,
    passes: dumps,
    units: [...units],
    kinds: ['weight', 'update', 'gradient', 'moment1'],
    measures: ['cosine', 'euclidean', 'manhattan', 'relative_l1', 'relative_l2', 'w_l2', 'w_std'],
    classes: [],
    probe_images: 0,
    labelled: false,
    sessions: [],
    rates: [],
    events: [],
    findings: [
      {
        id: 'never',
        kind: 'never_trained',
        severity: 'problem',
        text: 'conv3/block2/conv2 never changed.',
        view: 'layers',
        units: ['conv3/block2/conv2'],
        classes: [],
        steps: [],
        also: [],
      },
      {
        id: 'dead',
        kind: 'dead_filters',
        severity: 'warning',
        text: '3 filters of conv1 are dead.',
        view: 'layers',
        units: ['conv1'],
        classes: [],
        steps: [],
        also: [],
      },
    ],
    problems: [],
    suggested_threshold: 5,
    published_threshold: 5,
    published_run_length: 30,
    ...changes,
  } as Training;
  return { training, incidents };
}

/** Falls by ten at a third and at two thirds, as the learning rate does. */
function rate(dump: number, dumps: number): number {
  return 10 ** -Math.floor((3 * dump) / dumps);
}

/** How much a unit moves at every dump: louder where the rate is high, and at the incidents. */
function motion(path: string, { training, incidents }: MadeLog): readonly number[] {
  const next = random(seedOf(path));
  const loud = 0.4 + next();
  const count = training.dumps.length;
  return training.dumps.map((_, dump) => {
    const within = dump / count;
    const spike = incidents.some((at) => dump === at || dump === at + 1) ? 3 + 4 * next() : 0;
    const wave = 1 + 0.35 * Math.sin(within * 19 + loud * 7);
    return loud * (0.25 + Math.sqrt(rate(dump, count))) * wave * (0.8 + 0.4 * next()) + spike;
  });
}

export function seriesOf(
  log: MadeLog,
  units: readonly string[],
  kind: string,
  statistic: string,
): LayerSeries {
  const { dumps } = log.training;
  const depth = statistic === 'quartiles' ? 5 : 1;
  const values = new Float32Array(units.length * dumps.length * depth);
  units.forEach((path, unit) => {
    motion(path, log).forEach((moved, dump) => {
      const at = (unit * dumps.length + dump) * depth;
      if (depth === 5) {
        const five = [-3.2, -0.6, 0.05, 0.7, 3.5].map((part) => part * 0.02 * (1 + 0.1 * moved));
        values.set(five, at);
      } else values[at] = statisticOf(kind, statistic, moved, dump, path);
    });
  });
  return { units, kind, statistic, depth, values, notFinite: null };
}

function statisticOf(kind: string, statistic: string, moved: number, dump: number, path: string) {
  if (kind === 'weight') return 0.021 + 0.0004 * Math.log1p(dump) + 0.0001 * moved;
  const first = kind === 'update' && dump === 0;
  if (first) return Number.NaN;
  const size = 1.4e-4 * moved;
  if (statistic === 'l1' || statistic === 'l2' || statistic === 'std') return size;
  return size * Math.sin(dump / 9 + seedOf(path));
}

export function bandsOf(
  log: MadeLog,
  units: readonly string[],
  kind: string,
  edges: readonly number[],
): LayerBands {
  const { dumps } = log.training;
  const size = edges.length + 1;
  const values = new Float32Array(units.length * dumps.length * size);
  units.forEach((path, unit) => {
    motion(path, log).forEach((moved, dump) => {
      const middle = Math.log10(4e-3 * moved * moved);
      const below = edges.map((edge) => 1 / (1 + Math.exp(-(Math.log10(edge) - middle) * 2.2)));
      const cumulated = [...below, 1];
      cumulated.forEach((share, band) => {
        const shares = share - (band > 0 ? (cumulated[band - 1] as number) : 0);
        values[(unit * dumps.length + dump) * size + band] = shares;
      });
    });
  });
  return { units, kind, edges, values, notFinite: null };
}

/** Some filters never move, some jump at an incident; a cosine is not known at the first dump. */
export function filtersOf(
  log: MadeLog,
  layer: string,
  measure: string,
  only: readonly number[] | null = null,
): FilterSeries {
  const { dumps, units } = log.training;
  const count = units.find(({ path }) => path === layer)?.filters ?? 0;
  const filters = only ?? Array.from({ length: count }, (_, filter) => filter);
  const values = new Float32Array(filters.length * dumps.length);
  const moves = motion(layer, log);
  filters.forEach((filter, place) => {
    const next = random(seedOf(`${layer} ${filter}`));
    const loud = next() ** 2;
    const still = next() < 0.03;
    const jumps = next() < 0.08 ? log.incidents : [];
    const wakes = Math.floor(next() * dumps.length * 0.6);
    for (let dump = 0; dump < dumps.length; dump += 1) {
      const jump = jumps.some((at) => dump === at || dump === at + 1) ? 0.5 : 0;
      const eager = dump < wakes ? 1.4 : 0.6;
      const moved = moves[dump] as number;
      const change = still ? 0 : 0.02 * loud * eager * moved * (0.5 + next()) + jump * next();
      const known = measure === 'cosine' ? 1 - change : Math.sqrt(2 * change);
      values[place * dumps.length + dump] = dump === 0 ? Number.NaN : known;
    }
  });
  return { layer, measure, filters, values };
}

/** The filters that jump at every one of some incidents. */
export function topOf(
  log: MadeLog,
  steps: readonly number[],
  layers: readonly string[],
): TopFilters {
  const filters = layers.flatMap((layer) => {
    const [cosine, norms] = ['cosine', 'relative_l2'].map((each) => filtersOf(log, layer, each));
    if (!cosine || !norms) return [];
    const places = steps.map((step) => log.training.dumps.indexOf(step));
    const at = (series: FilterSeries, filter: number) =>
      places.map((dump) => series.values[filter * log.training.dumps.length + dump] ?? null);
    return cosine.filters
      .filter((filter) => at(cosine, filter).every((value) => (value ?? 1) < 0.93))
      .slice(0, 6)
      .map((filter) => ({
        layer,
        filter,
        cosine: at(cosine, filter),
        relative_l2: at(norms, filter),
      }));
  });
  return { steps: [...steps], count: 20, filters, left_out: ['conv1', 'fc1000'] };
}
