/**
 * What is chosen on the Training page: one time axis, one selection. Views read these and write
 * only to them; the URL mirrors what is not transient. Steps are the training program's own.
 */
import { batch, computed, signal } from '@preact/signals';
import { thumbnailAddress } from '../client/thumbnail';
import type { Training } from '../client/types';
import { latest, type Resource } from './resources';
import { topFilters, trainingCurves } from './training-data';
import { leadSteps } from './training-lead';
import { otherRun, otherTraining } from './training-other';
import { unitsOnShow, unitTree } from './training-units';

export type Page = 'compare' | 'training';
export type SectionId =
  | 'findings'
  | 'model'
  | 'forensics'
  | 'validation'
  | 'layers'
  | 'correlation';
export type CurveScale = 'linear' | 'log';
export type LayerChart = 'horizon' | 'line' | 'box' | 'bands';
export type LayerKind = Training['kinds'][number];
export type FilterScale = 'filter' | 'dump' | 'all';
export type HorizonBase = 'zero' | 'lowest';
export type ClassOrder = 'mds' | 'peak';
/** What a cell of an image tells: whether its class was predicted, and also how probable it was. */
export type ImageShade = 'outcome' | 'probability';
/** Layers against classes: in numbers, by mini-sets, and these beside both over time. */
export type CorrelationForm = 'simple' | 'full' | 'cube';
export type CubeProjection = 'flat' | 'oblique';
/** First and last step in sight. */
export type StepRange = readonly [first: number, last: number];

/** The published defaults. */
export const TOP_COUNT = 10;
export const TOP_COUNT_MOST = 1000;
export const KEEP_LEAST = 4;
export const KEEP_MOST = 1_000_000;

export const CURVE_HEIGHT = 120;
export const CURVE_HEIGHT_LEAST = 60;
export const CURVE_HEIGHT_MOST = 360;

export const page = signal<Page>('compare');

/** What is known of the training of the run on show. */
export const training = signal<Resource<Training>>({ status: 'idle' });
export const log = computed(() => latest(training.value));
/** What the recorder noted where it could not ask the network about the probe images. */
export const probeProblem = computed<string | null>(
  () => log.value?.events.findLast(({ kind }) => kind === 'probe')?.text ?? null,
);

/** Sections that are folded up: nothing is asked for them. */
export const closedSections = signal<readonly SectionId[]>([]);
/** Transient: sections that are scrolled out of sight: nothing new is asked for them. */
export const distantSections = signal<readonly SectionId[]>([]);

/** Whether a section is on screen. One that nobody has placed on the page counts as shown. */
export function isShown(section: SectionId): boolean {
  return isUnfolded(section) && !distantSections.value.includes(section);
}

/** Whether a section is on the page with its content, on screen or scrolled out of it. */
export function isUnfolded(section: SectionId): boolean {
  return page.value === 'training' && !closedSections.value.includes(section);
}

/** Null shows all steps. */
export const stepRange = signal<StepRange | null>(null);
/** Pinned steps, ascending. */
export const pins = signal<readonly number[]>([]);
const pinnedLast = signal<number | null>(null);
/** The pin that was set last. */
export const newestPin = computed<number | null>(() => {
  const last = pinnedLast.value;
  return last !== null && pins.value.includes(last) ? last : (pins.value.at(-1) ?? null);
});
export const showPins = signal(true);
/** Whether a click on a chart pins its step; else it opens what lies there. */
export const pinMode = signal(true);
/** Transient: the step under the pointer, in any chart. */
export const hoveredStep = signal<number | null>(null);

/** Pixels of the loss's chart, and of the error's. */
export const curveHeight = signal(CURVE_HEIGHT);
export const curveScale = signal<CurveScale>('linear');

/** Images that make an anomaly; null takes the one suggested by the data. */
export const threshold = signal<number | null>(null);
/** Passes that a state lasted before it broke; 0 marks immediate changes. */
export const runLength = signal<number | null>(null);
export const showTriangles = signal(true);
export const classOrder = signal<ClassOrder>('mds');
/** Whether class rows come in clusters. */
export const clustered = signal(true);
/** Indices of classes whose images are shown, in the order in which they were opened. */
export const openClasses = signal<readonly number[]>([]);
/** Of more, those opened last: matrices of all images of a class are large. */
export const OPEN_CLASSES_MOST = 11;
/** Clusters whose classes are shown. */
export const openClusters = signal<readonly number[]>([]);
/** Index of the probe image that is looked at. */
export const openImage = signal<number | null>(null);
/** The step at which it was chosen; null tells of the newest pin, else of the last pass. */
export const openImageStep = signal<number | null>(null);
/** The class of that image, where it is known: its images are shown beside it. */
export const openImageClass = signal<number | null>(null);
/** Classes whose images are asked for. */
export const wantedClasses = computed<readonly number[]>(() => {
  const beside = openImageClass.value;
  const opened = openClasses.value.slice(-OPEN_CLASSES_MOST);
  return beside === null || opened.includes(beside) ? opened : [...opened, beside];
});
export const imageShade = signal<ImageShade>('outcome');
/** Whether the validation view shows more than the strip of the model. */
export const validationOpen = signal(true);

export const layerKind = signal<LayerKind | null>(null);
export const layerStatistic = signal('l1');
export const layerChart = signal<LayerChart>('horizon');
export const sameScale = signal(false);
/** Bands into which a horizon graph is folded. */
export const horizonBands = signal(3);
/** Whether negative values rise as positive ones do, in their own colour; else they hang. */
export const horizonMirror = signal(true);
/** What horizon graphs rise from; null is zero, and the lowest value for weights. */
export const horizonBase = signal<HorizonBase | null>(null);
/** Paths of units whose children are shown in their place. */
export const openUnits = signal<readonly string[]>([]);
/** Layers whose filters are shown. */
export const openLayers = signal<readonly string[]>([]);
/** Matrices of all filters of a layer are large. */
const OPEN_LAYERS_MOST = 12;
/** Transient: the opened layer under the pointer, whose relative norms are told beside cosines. */
export const readLayer = signal<string | null>(null);
export const filterMeasure = signal('cosine');
export const filterScale = signal<FilterScale>('filter');
/** Ascending edges of |x/w|. */
export const bandEdges = signal<readonly number[]>([0.0001, 0.001, 0.01, 0.1]);
/** Whether only the most changed filters of the pinned steps are shown. */
export const onlyTop = signal(false);

export const correlationForm = signal<CorrelationForm>('simple');
export const cubeProjection = signal<CubeProjection>('flat');
/** How many filters are the most changed at an anomaly iteration. */
export const correlationCount = signal(TOP_COUNT);
/** Mini-sets are kept from this occurrences x size on. */
export const correlationKeep = signal(KEEP_LEAST);
/** Whether the first convolution and the last layer are considered too. */
export const correlationAll = signal(false);

/** Transient: the class, the unit under the pointer, in any view. */
export const hoveredClass = signal<number | null>(null);
export const hoveredUnit = signal<string | null>(null);

export const dumps = computed<readonly number[]>(() => log.value?.dumps ?? []);
export const passes = computed<readonly number[]>(() => log.value?.passes ?? []);

/**
 * What is known of the run beside the one on show; null while it is not known, or where its steps
 * count something else and the two cannot be aligned.
 */
export const otherLog = computed<Training | null>(() => {
  const [own, known] = [log.value, latest(otherTraining.value)];
  if (own === null || known === null || known.run !== otherRun.value) return null;
  return known.run !== own.run && known.axis === own.axis ? known : null;
});

/** All steps of the log, dumps and passes, and of the run beside it; ascending. */
const recordedSteps = computed<readonly number[]>(() => {
  const other = otherLog.value;
  return ascending([
    ...dumps.value,
    ...passes.value,
    ...(other?.dumps ?? []),
    ...(other?.passes ?? []),
  ]);
});

/** The columns of the time axis: these, after those of scalars that were logged before them. */
export const steps = computed<readonly number[]>(() => {
  const [own, curves] = [log.value, latest(trainingCurves.value)];
  const recorded = recordedSteps.value;
  if (own === null || curves === null || curves.run !== own.run) return recorded;
  const lead = leadSteps(recorded, curves.curves, own.axis);
  return lead.length === 0 ? recorded : [...lead, ...recorded];
});

/** The steps in sight: those chosen, or all. */
export const shownRange = computed<StepRange>(() => {
  const [first, last] = [steps.value[0] ?? 0, steps.value.at(-1) ?? 1];
  return stepRange.value ?? [first, last];
});

/** The threshold and the run length in use: as suggested by the data, both together. */
export const anomalyRule = computed(() => {
  const known = log.value;
  const length =
    runLength.value ?? known?.suggested_run_length ?? known?.published_run_length ?? 30;
  const least = threshold.value ?? known?.suggested_threshold ?? known?.published_threshold ?? 5;
  return { runLength: length, threshold: least };
});

export const units = computed(() => unitTree(log.value?.units ?? []));
/** Of the other run, by path. */
export const otherUnits = computed(() => unitTree(otherLog.value?.units ?? []).units);

/** Of what the layers' charts are: what was chosen where the log has it, else gradients, updates. */
export const shownKind = computed<LayerKind | null>(() => {
  const recorded = log.value?.kinds ?? [];
  const ratios = layerChart.value === 'bands';
  const able = recorded.filter((kind) => !ratios || kind === 'gradient' || kind === 'update');
  const wanted: readonly (LayerKind | null)[] = [layerKind.value, 'gradient', 'update', 'weight'];
  return wanted.find((kind) => kind !== null && able.includes(kind)) ?? able[0] ?? null;
});

/** Layers of the most changed filters of the pinned steps; null while all layers are shown. */
export const topLayers = computed<readonly string[] | null>(() => {
  const top = latest(topFilters.value);
  if (!onlyTop.value || pins.value.length === 0 || top === null) return null;
  const changed = new Set(top.filters.map(({ layer }) => layer));
  return (log.value?.units ?? []).map(({ path }) => path).filter((path) => changed.has(path));
});

/** Units with a row in the layer view, in the network's order. */
export const shownUnits = computed<readonly string[]>(
  () => topLayers.value ?? unitsOnShow(units.value, openUnits.value),
);

/** Layers whose filters are on show, and asked for: of many, those opened last. */
export const shownLayers = computed<readonly string[]>(() => {
  if (topLayers.value) return topLayers.value;
  const rows = new Set(shownUnits.value);
  const opened = openLayers.value.filter((path) => rows.has(path)).slice(-OPEN_LAYERS_MOST);
  return shownUnits.value.filter((path) => opened.includes(path));
});

/** Where the picture of a probe image is, as the `src` of an element. */
export const pictureOf =
  signal<(run: string, pictures: string, image: number) => string>(thumbnailAddress);

/** Null without a log, and where it has no pictures: nothing is asked for then. */
export function thumbnailOf(image: number): string | null {
  const known = log.value;
  return known?.pictures ? pictureOf.value(known.run, known.pictures, image) : null;
}

export function togglePin(step: number): void {
  const known = pins.value;
  if (known.includes(step)) pins.value = known.filter((pin) => pin !== step);
  else pinAll([step]);
}

/** The last of them becomes the newest pin. */
export function pinAll(steps: readonly number[]): void {
  batch(() => {
    pins.value = ascending([...pins.value, ...steps]);
    pinnedLast.value = steps.at(-1) ?? pinnedLast.value;
    showPins.value = true;
  });
}

/** The newest pin stands last. */
export function pinsByAge(): readonly number[] {
  const newest = newestPin.value;
  return newest === null ? [] : [...pins.value.filter((pin) => pin !== newest), newest];
}

/** Pins these alone, of which the last is the newest. */
export function setPins(steps: readonly number[]): void {
  batch(() => {
    pins.value = ascending(steps);
    pinnedLast.value = steps.at(-1) ?? null;
  });
}

function ascending(steps: readonly number[]): readonly number[] {
  return [...new Set(steps)].sort((one, other) => one - other);
}
