/** A made-up recording of validation passes: seeded, with planted anomalies, counted one by one. */
import type {
  ImageHistory,
  Training,
  TrainingClasses,
  TrainingImages,
} from '../../src/client/types';
import { seeded } from '../harness-network/networks';

export interface RecordingOptions {
  readonly classes: number;
  /** Images of each class. */
  readonly images: number;
  readonly passes: number;
  readonly interval: number;
  readonly runLength?: number;
  readonly suggested?: number | null;
  readonly names?: readonly string[] | undefined;
}

export interface Recording {
  readonly options: RecordingOptions;
  readonly training: Training;
  classes(runLength: number): TrainingClasses;
  images(index: number): TrainingImages;
  history(image: number): ImageHistory;
}

/** What happened: at a pass, to a share of the images of some classes, for so many passes. */
interface Incident {
  readonly pass: number;
  readonly lasts: number;
  readonly share: number;
  readonly every: number;
}

const CLUSTERS = 4;
const ADJECTIVES = ['common', 'great', 'lesser', 'spotted', 'red', 'black', 'grey', 'mountain'];
// biome-ignore format: a list of words
const NOUNS = [
  'tench', 'goldfish', 'white shark', 'hammerhead', 'stingray', 'cock', 'hen', 'ostrich',
  'brambling', 'house finch', 'junco', 'bulbul', 'jay', 'magpie', 'chickadee', 'water ouzel',
  'kite', 'bald eagle', 'vulture', 'owl', 'salamander', 'newt', 'eft', 'axolotl', 'bullfrog',
  'tree frog', 'loggerhead turtle', 'mud turtle', 'terrapin', 'box turtle', 'gecko', 'iguana',
  'chameleon', 'whiptail', 'agama', 'frilled lizard', 'alligator lizard', 'Gila monster',
  'Komodo dragon', 'crocodile', 'triceratops', 'thunder snake', 'ringneck snake', 'viper',
  'trilobite', 'harvestman', 'scorpion', 'garden spider', 'tarantula', 'tick', 'centipede',
];

export function recordingOf(options: RecordingOptions): Recording {
  const { classes, passes, interval } = options;
  const steps = Array.from({ length: passes }, (_, pass) => (pass + 1) * interval);
  const names = options.names ?? Array.from({ length: classes }, (_, index) => nameOf(index));
  const made = new Map<number, TrainingImages>();
  const images = (index: number): TrainingImages => {
    const known = made.get(index) ?? imagesOf(index, options);
    made.set(index, known);
    return known;
  };
  const training: Training = {
    ...({
      run: 'resnet50',
      version: 'v1',
      origin: 'recorded',
      note: 'The training program recorded it.',
      state: 'ready',
      done: 0,
      total: 0,
      axis: 'step',
      pictures: 'p1',
    } as const),
    dumps: steps,
    passes: steps,
    units: [],
    kinds: ['weight'],
    measures: ['cosine'],
    classes: [...names],
    probe_images: classes * options.images,
    labelled: true,
    sessions: [],
    rates: [],
    events: [],
    findings: [],
    band_edges: [],
    snapshots: [],
    examined: true,
    problems: [],
    suggested_threshold: options.suggested === undefined ? 7 : options.suggested,
    suggested_run_length: options.runLength ?? 30,
    published_threshold: 5,
    published_run_length: options.runLength ?? 30,
  };
  const history = (image: number): ImageHistory => {
    const index = Math.floor(image / options.images);
    const own = images(index);
    const place = image - index * options.images;
    const part = <T extends Int32Array | Float32Array>(all: T) =>
      [...all.subarray(place * passes, (place + 1) * passes)] as number[];
    return {
      image,
      name: own.names[place] as string,
      label: index,
      has_thumbnail: true,
      predicted: part(own.predicted).map((each) => (each < 0 ? null : each)),
      probability: part(own.probability).map((each) => (Number.isNaN(each) ? null : each)),
    };
  };
  return { options, training, images, history, classes: (d) => classesOf(options, images, d) };
}

function nameOf(index: number): string {
  const noun = NOUNS[index % NOUNS.length] as string;
  const round = Math.floor(index / NOUNS.length);
  return round === 0
    ? noun
    : `${ADJECTIVES[(round - 1) % 8]} ${noun}${round > 8 ? ' II' : ''}${round > 16 ? 'I' : ''}`;
}

function incidentsOf(passes: number): readonly Incident[] {
  const at = (share: number) => Math.round(share * passes);
  return [
    { pass: at(0.3), lasts: 1, share: 0.5, every: 3 },
    { pass: at(0.55), lasts: at(0.06), share: 0.35, every: 5 },
    { pass: at(0.8), lasts: 1, share: 0.3, every: 11 },
  ];
}

/** Accuracy rises, with a jump where the learning rate falls. */
function accuracyAt(time: number, ceiling: number, speed: number): number {
  const stage = 0.55 + (time > 1 / 3 ? 0.27 : 0) + (time > 2 / 3 ? 0.18 : 0);
  return ceiling * stage * (1 - Math.exp(-time * speed));
}

function imagesOf(index: number, options: RecordingOptions): TrainingImages {
  const { classes, images, passes } = options;
  const random = seeded(7919 * (index + 1));
  const ceiling = 0.25 + 0.73 * random() ** 0.6;
  const speed = 10 + 30 * random();
  const incidents = incidentsOf(passes).filter(({ every }) => index % every === 0);
  const predicted = new Int32Array(images * passes);
  const probability = new Float32Array(images * passes);
  const hard = Float64Array.from({ length: images }, () => random());
  for (let image = 0; image < images; image += 1) {
    const difficulty = hard[image] as number;
    const confused = [1, 2, 3].map(() => Math.floor(random() * classes));
    const hit = incidents.filter(({ share }) => random() < share);
    let wander = 0;
    for (let pass = 0; pass < passes; pass += 1) {
      const time = pass / passes;
      const restless = time > 2 / 3 ? 0.25 : time > 1 / 3 ? 0.6 : 1;
      wander = 0.8 * wander + 0.05 * restless * (random() - 0.5);
      const lead = accuracyAt(time, ceiling, speed) - difficulty + wander;
      const struck = hit.some((each) => pass >= each.pass && pass < each.pass + each.lasts);
      const correct = lead > 0 !== struck;
      const sure = 1 / (1 + Math.exp(-12 * Math.abs(lead)));
      const at = image * passes + pass;
      predicted[at] = correct ? index : other(confused, index, random(), classes);
      probability[at] = correct ? sure : Math.min(0.49, 1 - sure);
    }
  }
  const order = Int32Array.from(hard.keys()).sort(
    (x, y) => (hard[x] as number) - (hard[y] as number),
  );
  const first = index * images;
  return {
    image: Int32Array.from({ length: images }, (_, place) => first + place),
    names: Array.from({ length: images }, (_, place) => {
      const digits = String(first + place + 1).padStart(8, '0');
      return `val_${digits}.JPEG`;
    }),
    predicted,
    probability,
    order,
    leftOut: 0,
  };
}

function other(confused: readonly number[], index: number, at: number, classes: number): number {
  const found = confused[at < 0.8 ? 0 : at < 0.95 ? 1 : 2] as number;
  return found === index ? (index + 1) % Math.max(2, classes) : found;
}

function classesOf(
  { classes, images: count, passes }: RecordingOptions,
  images: (index: number) => TrainingImages,
  runLength: number,
): TrainingClasses {
  const error = new Float32Array(classes * passes);
  const left = new Int32Array(classes * passes);
  const right = new Int32Array(classes * passes);
  const [modelError, modelLeft, modelRight] = [
    new Float32Array(passes),
    new Int32Array(passes),
    new Int32Array(passes),
  ];
  const means = new Float64Array(classes);
  const peaks = new Float64Array(classes);
  for (let index = 0; index < classes; index += 1) {
    const { predicted } = images(index);
    const own = { left: left.subarray(index * passes), right: right.subarray(index * passes) };
    for (let image = 0; image < count; image += 1) {
      const series = predicted.subarray(image * passes, (image + 1) * passes);
      countRuns(series, index, runLength, own);
      for (let pass = 0; pass < passes; pass += 1) {
        if (series[pass] !== index) add(error, index * passes + pass, 1 / count);
      }
    }
    for (let pass = 0; pass < passes; pass += 1) {
      const at = index * passes + pass;
      add(modelError, pass, (error[at] as number) / classes);
      add(modelLeft, pass, left[at] as number);
      add(modelRight, pass, right[at] as number);
      add(means, index, (error[at] as number) / passes);
      peaks[index] = Math.max(peaks[index] as number, left[at] as number, right[at] as number);
    }
  }
  const byMean = Int32Array.from(means.keys()).sort(
    (x, y) => (means[x] as number) - (means[y] as number),
  );
  const byPeak = Int32Array.from(peaks.keys()).sort(
    (x, y) => (peaks[y] as number) - (peaks[x] as number),
  );
  const cluster = new Int32Array(classes);
  byMean.forEach((index, rank) => {
    cluster[index] = Math.floor((Math.min(CLUSTERS, classes) * rank) / classes);
  });
  return {
    ...{ error, left, right, modelError, modelLeft, modelRight, cluster },
    mds: byMean,
    peak: byPeak,
    firstImage: Int32Array.from({ length: classes }, (_, index) => index * count),
  };
}

function add(
  values: Float32Array | Float64Array | Int32Array,
  place: number,
  amount: number,
): void {
  values[place] = (values[place] as number) + amount;
}

/** A run of equal outcomes counts at the pass after it, and at its own first pass. */
function countRuns(
  series: Int32Array,
  label: number,
  runLength: number,
  counts: { readonly left: Int32Array; readonly right: Int32Array },
): void {
  let start = 0;
  for (let pass = 1; pass <= series.length; pass += 1) {
    const ends =
      pass === series.length || (series[pass] === label) !== (series[pass - 1] === label);
    if (!ends) continue;
    const long = pass - start >= runLength + 1;
    if (long && pass < series.length) add(counts.left, pass, 1);
    if (long && start > 0) add(counts.right, start, 1);
    start = pass;
  }
}

/** A small picture that differs from image to image. */
export function pictureOf(image: number): string {
  const random = seeded(image + 11);
  const hue = Math.floor(random() * 360);
  const blob = () =>
    `<circle cx="${(random() * 64).toFixed(0)}" cy="${(random() * 64).toFixed(0)}" r="${(6 + random() * 18).toFixed(0)}" fill="hsl(${(hue + random() * 120).toFixed(0)} 45% ${(30 + random() * 50).toFixed(0)}%)"/>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><rect width="64" height="64" fill="hsl(${hue} 35% 62%)"/>${blob()}${blob()}${blob()}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
