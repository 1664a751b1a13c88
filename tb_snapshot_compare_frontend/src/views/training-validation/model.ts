/** What the view derives from the answers and the selection; each signal is computed on demand. */
import { batch, computed, signal } from '@preact/signals';
import type { TrainingImages } from '../../client/types';
import {
  anomalyRule,
  clustered,
  imageShade,
  OPEN_CLASSES_MOST,
  openClasses,
  openClusters,
  openImage,
  openImageClass,
  openImageStep,
  showTriangles,
  validationOpen,
} from '../../state/training';
import { type Triangle, trianglesOf } from './anomalies';
import { clusterGroups, type Group, modelGroup } from './groups';
import {
  clampZoom,
  firstZoom,
  type Layout,
  type Line,
  layOut,
  modelLayout,
  type OwnContent,
} from './lines';
import { clustersOf, listClasses } from './listing';
import { isPaired, otherError, otherGroup, otherMarks, pairPeaks } from './other';
import { cellValues, type Prediction, predictionAt } from './outcomes';
import { errorTable, outcomeTable, probabilityTable } from './palette';
import {
  classCounts,
  classError,
  classes,
  className,
  imagesOf,
  markScale,
  names,
  order,
  passes,
  theme,
} from './sources';
import { imageName } from './words';

export { clusterGroups, modelGroup } from './groups';
export { absenceWords, axisOf, isPaired, pairPeaks, passAtStep } from './other';
export * from './sources';

export const query = signal('');
/** Whether classes below the threshold are listed too. */
export const listAll = signal(false);
/** How high the images' rows of opened classes are, where that was changed. */
export const zooms = signal<ReadonlyMap<number, number>>(new Map());
/** Of the rows, where it was changed. */
export const height = signal<number | null>(null);

/** What lies under the pointer. */
export interface Pointed {
  readonly key: string;
  readonly pass: number;
  /** Of an opened class: the row of an image. */
  readonly row: number | null;
  readonly mark: Triangle | null;
}

export const pointed = signal<Pointed | null>(null);

/** Null where classes are listed without clusters: by choice, or since one is searched for. */
export const clusters = computed<readonly (readonly number[])[] | null>(() => {
  const known = classes.value;
  if (!known || !clustered.value || query.value.trim() !== '') return null;
  return clustersOf(known.cluster, order.value);
});

export function classMarks(index: number): readonly Triangle[] {
  return trianglesOf(classCounts(index), markScale.value, anomalyRule.value.runLength);
}

/** The model's or a cluster's. */
export function lineGroup(line: Line): Group | null {
  if (line.kind === 'other') return otherGroup(line.of);
  if (line.kind === 'model') return modelGroup.value;
  return line.kind === 'cluster' ? (clusterGroups.value[line.cluster] ?? null) : null;
}

export function marksOf(line: Line): readonly Triangle[] {
  if (line.kind === 'other') return otherMarks(line.of);
  if (line.kind === 'class' || line.kind === 'images') return classMarks(line.index);
  return lineGroup(line)?.marks ?? [];
}

/** None while they are hidden. */
export function shownMarks(line: Line): readonly Triangle[] {
  return showTriangles.value ? marksOf(line) : [];
}

/** Null for rows without a series. */
export function errorOf(line: Line): Float32Array | null {
  if (line.kind === 'other') return otherError(line.of);
  return line.kind === 'rest' ? null : errorOfContent(line);
}

export function errorOfContent(of: OwnContent): Float32Array | null {
  if (of.kind === 'class' || of.kind === 'images') return classError(of.index);
  const group = of.kind === 'model' ? modelGroup.value : clusterGroups.value[of.cluster];
  return group?.error ?? null;
}

/** The same of both runs. */
export function lineName(shown: Line): string {
  const line = shown.kind === 'other' ? shown.of : shown;
  switch (line.kind) {
    case 'model':
      return 'All classes';
    case 'cluster':
      return `Cluster ${line.cluster + 1}`;
    case 'rest':
      return 'Other classes';
    default:
      return className(line.index);
  }
}

export interface ImageAt extends Prediction {
  /** Index of the probe image. */
  readonly image: number;
  readonly name: string;
}

/** What was predicted for the image in a row of an opened class. */
export function imageAt(index: number, row: number, pass: number): ImageAt | null {
  const images = imagesOf(index);
  const place = images?.order[row];
  if (!images || place === undefined) return null;
  const image = images.image[place] as number;
  const name = imageName(images.names[place], image);
  return { image, name, ...predictionAt(images, place, pass) };
}

const openedImages = computed<ReadonlyMap<number, number>>(
  () => new Map(openClasses.value.map((index) => [index, imagesOf(index)?.order.length ?? 0])),
);

export function zoomOf(index: number, images: number): number {
  return zooms.value.get(index) ?? firstZoom(images);
}

export function setZoom(index: number, zoom: number): void {
  zooms.value = new Map([...zooms.value, [index, clampZoom(zoom)]]);
}

export const layout = computed<Layout>(() => {
  const opened = openClasses.value;
  return layOut({
    clusters: clusters.value,
    openClusters: openClusters.value,
    classes: order.value,
    list: (members) =>
      listClasses({
        order: members,
        peaks: pairPeaks.value,
        threshold: anomalyRule.value.threshold,
        all: listAll.value,
        query: query.value,
        names: names.value,
        opened,
      }),
    opened: openedImages.value,
    zoom: zoomOf,
    triangles: showTriangles.value,
    paired: isPaired.value,
  });
});

export const wholeLayout = computed<Layout>(() => modelLayout(isPaired.value));

export const errorColors = computed(() => errorTable(theme.value));
export const cellTable = computed(() =>
  imageShade.value === 'outcome' ? outcomeTable(theme.value) : probabilityTable(theme.value),
);

const cells = new WeakMap<TrainingImages, Map<string, Float32Array>>();

/** The pixels of a class, images x passes on show; kept as long as its images are. */
export function cellsOf(images: TrainingImages, label: number): Float32Array {
  const [shade, count] = [imageShade.value, passes.value.length];
  const key = `${shade} ${count}`;
  const known = cells.get(images) ?? new Map<string, Float32Array>();
  cells.set(images, known);
  const made = known.get(key) ?? cellValues(images, label, shade, count);
  known.set(key, made);
  return made;
}

/** Of too many, the one opened first is closed. */
export function toggleClass(index: number): void {
  const open = openClasses.value;
  openClasses.value = open.includes(index)
    ? open.filter((other) => other !== index)
    : [...open, index].slice(-OPEN_CLASSES_MOST);
}

export function toggleCluster(cluster: number): void {
  const open = openClusters.value;
  openClusters.value = open.includes(cluster)
    ? open.filter((other) => other !== cluster)
    : [...open, cluster];
}

/** Opens or closes what a line has inside. */
export function toggleLine(shown: Line): void {
  const line = shown.kind === 'other' ? shown.of : shown;
  if (line.kind === 'model') validationOpen.value = !validationOpen.value;
  else if (line.kind === 'cluster') toggleCluster(line.cluster);
  else if (line.kind === 'rest') listAll.value = true;
  else toggleClass(line.index);
}

/** At a step, or at the one at which another image was on show. */
export function showImage(
  image: number,
  index: number | null,
  step: number | null = openImageStep.peek(),
): void {
  batch(() => {
    openImage.value = image;
    openImageClass.value = index;
    openImageStep.value = step;
  });
}

export function closeImage(): void {
  batch(() => {
    openImage.value = null;
    openImageClass.value = null;
    openImageStep.value = null;
  });
}
