/**
 * The Training page's part of the address. What comes out of an address is within bounds, whatever
 * it says; what is as it is by default is left out.
 */
import { batch, type Signal } from '@preact/signals';
import * as training from './training';
import { otherRun } from './training-other';

type Keys = Readonly<Record<string, string>>;

const TEXT_MAX = 1024;
const LIST_MAX = 64;
const UNITS_MAX = 512;
/** As many as the server takes. */
const PINS_MAX = 256;
const IMAGES_MAX = 100_000_000;
const RUN_LENGTH_MAX = 99;
const CLASSES_MAX = 1_000_000;
const BANDS_MAX = 6;

/** A signal, and how its value is written; `read` gives null for what is not within bounds. */
interface Part {
  readonly key: string;
  readonly current: () => string;
  /** What is left out. */
  readonly normal: string;
  /** Null where the text says nothing; else the text of what it says. */
  readonly checked: (text: string) => string | null;
  readonly apply: (text: string | undefined) => void;
}

function part<T>(
  key: string,
  signal: Signal<T>,
  normal: T,
  write: (value: T) => string,
  read: (text: string) => T | null,
): Part {
  return {
    key,
    current: () => write(signal.value),
    normal: write(normal),
    checked: (text) => {
      const value = read(text);
      return value === null ? null : write(value);
    },
    apply: (text) => {
      const value = text === undefined ? normal : read(text);
      signal.value = value === null ? normal : value;
    },
  };
}

const choice = <T extends string>(
  key: string,
  signal: Signal<T>,
  normal: T,
  choices: readonly T[],
): Part => part(key, signal, normal, (value) => value, one(choices));

const flag = (key: string, signal: Signal<boolean>, normal: boolean): Part =>
  part(
    key,
    signal,
    normal,
    (value) => (value ? 'on' : 'off'),
    (text) => (text === 'on' ? true : text === 'off' ? false : null),
  );

const whole = (key: string, signal: Signal<number>, normal: number, least: number, most: number) =>
  part(key, signal, normal, String, (text) => number(text, least, most));

const perhaps = <T>(
  key: string,
  signal: Signal<T | null>,
  write: (value: T) => string,
  read: (text: string) => T | null,
): Part => part(key, signal, null, (value) => (value === null ? '' : write(value)), read);

const list = <T>(
  key: string,
  signal: Signal<readonly T[]>,
  normal: readonly T[],
  write: (value: T) => string,
  read: (text: string) => T | null,
  most = LIST_MAX,
): Part =>
  part(
    key,
    signal,
    normal,
    (values) => values.map(write).join(','),
    (text) => {
      const values = text.split(',', most).map(read);
      return [...new Set(values.filter((value): value is T & {} => value !== null))];
    },
  );

const PARTS: readonly Part[] = [
  choice('page', training.page, 'compare', ['compare', 'training']),
  perhaps('beside', otherRun, String, (text) => (isRun(text) ? text : null)),
  list('closed', training.closedSections, [], String, one(sections())),
  perhaps('steps', training.stepRange, ([first, last]) => `${first}-${last}`, readRange),
  {
    key: 'pins',
    current: () => training.pinsByAge().join(','),
    normal: '',
    checked: (text) => readPins(text).join(','),
    apply: (text) => training.setPins(readPins(text ?? '')),
  },
  flag('marks', training.showPins, true),
  flag('pin', training.pinMode, true),
  whole(
    'height',
    training.curveHeight,
    training.CURVE_HEIGHT,
    training.CURVE_HEIGHT_LEAST,
    training.CURVE_HEIGHT_MOST,
  ),
  choice('values', training.curveScale, 'linear', ['linear', 'log']),
  perhaps('least', training.threshold, String, (text) => number(text, 1, IMAGES_MAX)),
  perhaps('lasting', training.runLength, String, (text) => number(text, 0, RUN_LENGTH_MAX)),
  flag('triangles', training.showTriangles, true),
  choice('classes', training.classOrder, 'mds', ['mds', 'peak']),
  flag('clusters', training.clustered, true),
  list('class_images', training.openClasses, [], String, (text) => number(text, -1, CLASSES_MAX)),
  list('cluster', training.openClusters, [], String, (text) => number(text, 0, LIST_MAX)),
  perhaps('picture', training.openImage, String, (text) => number(text, 0, IMAGES_MAX)),
  perhaps('picture_at', training.openImageStep, String, readStep),
  choice('told', training.imageShade, 'outcome', ['outcome', 'probability']),
  flag('validation', training.validationOpen, true),
  perhaps(
    'of',
    training.layerKind,
    String,
    one<training.LayerKind>(['weight', 'update', 'gradient', 'moment1', 'moment2']),
  ),
  part('statistic', training.layerStatistic, 'l1', String, readWord),
  choice('chart', training.layerChart, 'horizon', ['horizon', 'line', 'box', 'bands']),
  flag('same', training.sameScale, false),
  whole('horizon', training.horizonBands, 3, 1, BANDS_MAX),
  flag('mirror', training.horizonMirror, true),
  perhaps('base', training.horizonBase, String, one<training.HorizonBase>(['zero', 'lowest'])),
  list('units', training.openUnits, [], writeText, readText, UNITS_MAX),
  list('open', training.openLayers, [], writeText, readText),
  part('measure', training.filterMeasure, 'cosine', String, readWord),
  choice('shades', training.filterScale, 'filter', ['filter', 'dump', 'all']),
  part(
    'edges',
    training.bandEdges,
    [0.0001, 0.001, 0.01, 0.1],
    (edges) => edges.join(','),
    readEdges,
  ),
  flag('top', training.onlyTop, false),
  choice('relation', training.correlationForm, 'simple', ['simple', 'full', 'cube']),
  choice('cube', training.cubeProjection, 'flat', ['flat', 'oblique']),
  whole('changed', training.correlationCount, training.TOP_COUNT, 1, training.TOP_COUNT_MOST),
  whole('kept', training.correlationKeep, training.KEEP_LEAST, 1, training.KEEP_MOST),
  flag('every', training.correlationAll, false),
];

/** The keys of what is chosen. */
export function currentTraining(): Keys {
  const keys: Record<string, string> = {};
  for (const { key, current, normal } of PARTS) {
    const text = current();
    if (text !== normal) keys[key] = text;
  }
  return keys;
}

/** What an address says, within bounds. */
export function decodeTraining(address: Keys): Keys {
  const keys: Record<string, string> = {};
  for (const { key, normal, checked } of PARTS) {
    const text = address[key];
    const kept = text === undefined ? null : checked(text);
    if (kept !== null && kept !== normal) keys[key] = kept;
  }
  return keys;
}

export function applyTraining(keys: Keys): void {
  batch(() => {
    for (const { key, apply } of PARTS) apply(keys[key]);
  });
}

function sections(): readonly training.SectionId[] {
  return ['findings', 'model', 'forensics', 'validation', 'layers', 'correlation'];
}

function one<T extends string>(choices: readonly T[]): (text: string) => T | null {
  return (text) => choices.find((entry) => entry === text) ?? null;
}

function number(text: string, least: number, most: number): number | null {
  if (!/^-?\d{1,15}$/.test(text)) return null;
  const value = Number(text);
  return value >= least && value <= most ? value : null;
}

function readStep(text: string): number | null {
  return number(text, 0, Number.MAX_SAFE_INTEGER);
}

function readRange(text: string): training.StepRange | null {
  const [first = '', last = '', ...more] = text.split('-');
  const [from, to] = [readStep(first), readStep(last)];
  return from === null || to === null || from > to || more.length > 0 ? null : [from, to];
}

/** The pin that was set last stands last. */
function readPins(text: string): readonly number[] {
  const steps = text.split(',').slice(-PINS_MAX).map(readStep);
  return [...new Set(steps.filter((step) => step !== null))];
}

function readWord(text: string): string | null {
  return /^[a-z_0-9]{1,32}$/.test(text) ? text : null;
}

function isRun(text: string): boolean {
  return text !== '' && text.length <= TEXT_MAX;
}

/** Commas part a list, so they are escaped in its texts. */
function writeText(text: string): string {
  return text.replace(/[%,]/g, encodeURIComponent);
}

function readText(text: string): string | null {
  try {
    const path = decodeURIComponent(text);
    return path !== '' && path.length <= TEXT_MAX ? path : null;
  } catch {
    return null;
  }
}

/** Ascending, or they are none. */
function readEdges(text: string): readonly number[] | null {
  const edges = text.split(',', LIST_MAX).map(Number);
  const ascending = edges.every(
    (edge, index) => edge >= 0 && edge < 100 && edge > (edges[index - 1] ?? -1),
  );
  return ascending ? edges : null;
}
