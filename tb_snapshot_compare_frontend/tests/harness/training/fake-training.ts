/**
 * Answers the routes of the Training page for the made-up training: `new FakeTraining()` behind a
 * `FakeServer` (`{ training: {} }`), or as values for the signals of `state/training-data`.
 */
import type { ImageHistory, Training } from '../../../src/client/types';
import { type FilePart, halfBits, tensorFile } from '../tensor-file';
import { filterSeries, layerBands, layerSeries } from './layers';
import { DUMPS, LAYER_UNITS, RUN, stepOf, UNITS } from './plan';
import {
  correlationOf,
  curvesOf,
  eventsOf,
  findingsOf,
  forensicsOf,
  ratesOf,
  timeOf,
  topFiltersOf,
} from './story';
import { nameOf, ValidationLog } from './validation';

export interface FakeTrainingOptions {
  /** Dumps that were recorded so far. */
  readonly dumps?: number;
  readonly classes?: number;
  readonly perClass?: number;
  /** Only the first layers; for small networks. */
  readonly layers?: number;
  readonly changes?: Partial<Training>;
  /** Of the layers' series. */
  readonly factor?: number;
  /** Other runs with a log of their own, by name. */
  readonly others?: Readonly<Record<string, FakeTrainingOptions>>;
}

const KINDS: Training['kinds'] = ['weight', 'update', 'gradient', 'moment1', 'moment2'];
const MEASURES = [
  'cosine',
  'euclidean',
  'manhattan',
  'relative_l1',
  'relative_l2',
  'w_l2',
  'w_std',
  'g_l1',
  'g_l2',
  'g_relative_l1',
  'g_relative_l2',
];
/** Snapshots that were kept: one of so many dumps. */
const SNAPSHOT_EVERY = 20;

export class FakeTraining {
  readonly requests: string[] = [];
  readonly validation: ValidationLog;
  /** Raise it, and the run is longer when it is next asked for. */
  dumps: number;
  changes: Partial<Training>;
  readonly others: ReadonlyMap<string, FakeTraining>;

  constructor(private readonly options: FakeTrainingOptions = {}) {
    this.dumps = options.dumps ?? DUMPS;
    this.changes = options.changes ?? {};
    this.validation = new ValidationLog(options.classes ?? 100, options.perClass ?? 50);
    const others = Object.entries(options.others ?? {});
    this.others = new Map(others.map(([run, other]) => [run, new FakeTraining(other)]));
  }

  /** As of `Changes.training`. */
  get version(): number {
    return this.dumps;
  }

  training(run = RUN): Training {
    const { dumps } = this;
    const steps = Array.from({ length: dumps }, (_, dump) => stepOf(dump));
    const { layers } = this.options;
    const units = layers === undefined ? UNITS : firstUnits(layers);
    return {
      run,
      version: `v${dumps}`,
      origin: 'recorded',
      note: 'Recorded by tb_snapshot_compare 0.1.0 while it was trained.',
      state: 'ready',
      done: dumps,
      total: dumps,
      axis: 'step',
      dumps: steps,
      passes: steps,
      units: [...units],
      kinds: [...KINDS],
      measures: [...MEASURES],
      band_edges: bandEdges(),
      classes: this.validation.names,
      probe_images: this.validation.classes * this.validation.perClass,
      labelled: true,
      pictures: 'p1',
      sessions: [
        { id: 's1', started: timeOf(0), first_step: stepOf(0), writer: 'keras 3.12' },
        { id: 's2', started: timeOf(421), first_step: stepOf(421), writer: 'keras 3.12' },
      ].filter(({ first_step }) => first_step <= stepOf(dumps - 1)),
      snapshots: snapshotDumps(dumps).map((dump) => ({ id: `${run}-${dump}`, step: stepOf(dump) })),
      rates: ratesOf(dumps),
      events: eventsOf(dumps),
      examined: true,
      findings: findingsOf(dumps),
      problems: [],
      suggested_threshold: 4,
      suggested_run_length: 30,
      published_threshold: 5,
      published_run_length: 30,
      ...this.changes,
    };
  }

  curves(run = RUN) {
    const { modelError } = this.classes(30, 4);
    return { run, curves: curvesOf(this.dumps, (dump) => modelError[dump] as number) };
  }

  layers(units: readonly string[] | null, kind: string, statistic: string) {
    const paths = units ?? UNITS.map(({ path }) => path);
    return layerSeries(paths, kind as 'weight', statistic, this.dumps);
  }

  bands(units: readonly string[] | null, kind: string, edges: readonly number[]) {
    const paths = units ?? UNITS.map(({ path }) => path);
    return layerBands(paths, kind as 'update', edges, this.dumps);
  }

  filters(layer: string, measure: string, filters: readonly number[] | null = null) {
    return filterSeries(layer, measure, filters, this.dumps);
  }

  classes(runLength: number, clusters = 4) {
    return this.validation.summary(this.dumps, runLength, clusters);
  }

  images(label: number) {
    return this.validation.images(label, this.dumps);
  }

  image(index: number): ImageHistory {
    const { perClass } = this.validation;
    const label = Math.floor(index / perClass);
    const { predicted, probability } = this.images(label);
    const from = (index % perClass) * this.dumps;
    return {
      image: index,
      name: nameOf(label, index % perClass),
      label,
      has_thumbnail: true,
      predicted: [...predicted.subarray(from, from + this.dumps)],
      probability: [...probability.subarray(from, from + this.dumps)],
    };
  }

  top(steps: readonly number[], count = 10) {
    return topFiltersOf(steps, count);
  }

  correlation(threshold: number, runLength: number, keep = 4) {
    const known = correlationOf(this.classes(runLength), this.validation.classes, threshold);
    const rows = known.rows.map((row) => ({
      ...row,
      sets: row.sets.filter(({ filters, columns }) => filters.length * columns.length >= keep),
    }));
    return { ...known, rows };
  }

  forensics(step: number) {
    return forensicsOf(step);
  }

  /** Null for routes of others. */
  answer(route: string, query: URLSearchParams): Response | null {
    if (!route.startsWith('training')) return null;
    this.requests.push(`${route}?${query}`);
    const other = this.others.get(query.get('run') ?? '');
    if (other) return other.answer(route, query);
    const text = (name: string) => query.get(name) ?? '';
    const number = (name: string, normal = 0) => Number(query.get(name) ?? normal);
    const units = query.has('units') ? (JSON.parse(text('units')) as string[]) : null;
    const numbers = (name: string) => text(name).split(',').map(Number);
    const runLength = number('run_length', 30);
    switch (route) {
      case 'training':
        return json(this.training(text('run')));
      case 'training_curves':
        return json(this.curves(text('run')));
      case 'training_layers':
        return this.series(this.layers(units, text('kind'), text('statistic')));
      case 'training_bands': {
        const value = this.bands(units, text('kind'), numbers('edges'));
        const shape = [value.units.length, this.dumps, value.edges.length + 1];
        return file([{ name: 'values', dtype: 'F32', shape, values: value.values }]);
      }
      case 'training_filters': {
        const filters = query.has('filters') ? numbers('filters') : null;
        const value = this.filters(text('layer'), text('measure'), filters);
        const shape = [value.filters.length, this.dumps];
        return file([{ name: 'values', dtype: 'F32', shape, values: value.values }]);
      }
      case 'training_top':
        return json(this.top(numbers('steps'), number('count', 10)));
      case 'training_classes':
        return this.classFile(runLength, number('clusters', 4));
      case 'training_images':
        return this.imageFile(number('class'));
      case 'training_image':
        return json(this.image(number('image')));
      case 'training_correlation':
        return json(this.correlation(number('threshold'), runLength, number('keep', 4)));
      case 'training_forensics':
        return json(this.forensics(number('step')));
      default:
        return null;
    }
  }

  private series({ units, depth, values }: ReturnType<FakeTraining['layers']>): Response {
    const shape = [units.length, this.dumps, ...(depth === 5 ? [5] : [])];
    const { factor = 1 } = this.options;
    return file([{ name: 'values', dtype: 'F32', shape, values: values.map((v) => factor * v) }]);
  }

  private classFile(runLength: number, clusters: number): Response {
    const value = this.classes(runLength, clusters);
    const rows = [this.validation.classes, this.dumps];
    const real = (name: string, shape: readonly number[], values: Float32Array): FilePart => ({
      name,
      dtype: 'F32',
      shape,
      values,
    });
    const whole = (name: string, shape: readonly number[], values: Int32Array): FilePart => ({
      name,
      dtype: 'I32',
      shape,
      values,
    });
    return file([
      real('error', rows, value.error),
      real('model_error', [this.dumps], value.modelError),
      whole('left', rows, value.left),
      whole('right', rows, value.right),
      whole('model_left', [this.dumps], value.modelLeft),
      whole('model_right', [this.dumps], value.modelRight),
      whole('mds', [rows[0] as number], value.mds),
      whole('peak', [rows[0] as number], value.peak),
      whole('cluster', [rows[0] as number], value.cluster),
      whole('first_image', [rows[0] as number], value.firstImage),
    ]);
  }

  private imageFile(label: number): Response {
    const { image, predicted, probability, order, names, leftOut } = this.images(label);
    const shape = [image.length, this.dumps];
    const halves = Uint16Array.from(probability, halfBits);
    const parts: FilePart[] = [
      { name: 'image', dtype: 'I32', shape: [image.length], values: image },
      { name: 'predicted', dtype: 'I32', shape, values: predicted },
      { name: 'order', dtype: 'I32', shape: [order.length], values: order },
      { name: 'probability', dtype: 'F16', shape, values: halves },
    ];
    const metadata = { names: JSON.stringify(names), left_out: String(leftOut) };
    return new Response(tensorFile(parts, metadata));
  }
}

/** Of a run without any log, of which no two snapshots can be compared. */
export function emptyTraining(run: string): Training {
  return {
    run,
    version: '0',
    origin: 'none',
    note: 'Nothing was recorded, and fewer than two snapshots can be read.',
    state: 'empty',
    done: 0,
    total: 0,
    axis: 'step',
    dumps: [],
    passes: [],
    units: [],
    kinds: [],
    measures: [],
    band_edges: [],
    classes: [],
    probe_images: 0,
    labelled: false,
    pictures: null,
    sessions: [],
    snapshots: [],
    rates: [],
    events: [],
    examined: true,
    findings: [],
    problems: [],
    suggested_threshold: null,
    suggested_run_length: null,
    published_threshold: 5,
    published_run_length: 30,
  };
}

/** Dumps of which a snapshot was kept, the newest among them. */
export function snapshotDumps(dumps: number): readonly number[] {
  const kept = Array.from({ length: dumps }, (_, dump) => dump).filter(
    (dump) => dump % SNAPSHOT_EVERY === 0 || dump === dumps - 1,
  );
  const around = [129, 130, 401, 402, 559, 560].filter((dump) => dump < dumps);
  return [...new Set([...kept, ...around])].sort((one, other) => one - other);
}

/** A picture in the hue of its class, as the `src` of an image. */
export function fakeThumbnail(_run: string, _version: string, image: number): string {
  const hue = (Math.floor(image / 50) * 47) % 360;
  const [x, y] = [16 + ((image * 13) % 32), 20 + ((image * 7) % 24)];
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">` +
    `<rect width="64" height="64" fill="hsl(${(hue + 140) % 360} 24% ${30 + (image % 5) * 6}%)"/>` +
    `<circle cx="${x}" cy="${y}" r="${10 + (image % 4) * 3}" fill="hsl(${hue} 70% 60%)"/>` +
    `<path d="M${x} ${y}q12 18 -4 44" stroke="hsl(${hue} 40% 35%)" stroke-width="4" fill="none"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

function firstUnits(layers: number) {
  const kept = new Set(LAYER_UNITS.slice(0, layers).map(({ path }) => path));
  return UNITS.filter(
    ({ path, is_layer }) =>
      kept.has(path) ||
      (!is_layer && [...kept].some((layer) => path === '' || layer.startsWith(`${path}/`))),
  );
}

/** 1 to 9 tenths of six decades, and 1, ascending. */
function bandEdges(): number[] {
  const edges: number[] = [];
  for (let decade = -6; decade < 0; decade += 1) {
    for (let digit = 1; digit < 10; digit += 1) {
      edges.push(Number((digit * 10 ** decade).toPrecision(1)));
    }
  }
  return [...edges, 1];
}

function file(parts: readonly FilePart[]): Response {
  return new Response(tensorFile(parts));
}

function json(body: unknown): Response {
  return new Response(JSON.stringify(body), { headers: { 'Content-Type': 'application/json' } });
}
