/** Where every row of the view lies: clusters, their classes, and the images of opened classes. */

export interface ModelLine {
  readonly kind: 'model';
}

export interface ClusterLine {
  readonly kind: 'cluster';
  readonly cluster: number;
  readonly classes: readonly number[];
  readonly open: boolean;
}

export interface ClassLine {
  readonly kind: 'class';
  readonly index: number;
  /** 2 below a cluster, else 1. */
  readonly level: number;
}

/** A class whose strip is flipped into its images. */
export interface ImagesLine {
  readonly kind: 'images';
  readonly index: number;
  readonly level: number;
  /** 0 until they are known. */
  readonly images: number;
  /** Pixels of an image's row. */
  readonly cell: number;
}

/** Classes that are not listed. */
export interface RestLine {
  readonly kind: 'rest';
  readonly cluster: number | null;
  readonly count: number;
}

/** The same row of the run beside the one on show. */
export interface OtherLine {
  readonly kind: 'other';
  readonly of: OwnContent;
}

export interface Placed {
  /** Identifies the line while others come and go. */
  readonly key: string;
  readonly top: number;
  readonly height: number;
  /** Of its strip or pixel chart, within the line. */
  readonly chartTop: number;
  readonly chartHeight: number;
}

/** What another run may have too. */
export type OwnContent = ModelLine | ClusterLine | ClassLine | ImagesLine;
type Content = OwnContent | OtherLine | RestLine;
export type Line = Placed & Content;

export const STRIP = 16;
/** Room for triangles above and below a strip. */
export const LANE = 9;
const FLAT_LANE = 2;
const GROUP_LANE = 13;
export const HEAD = 32;
const FOOT = 8;
const REST = 32;
/** An opened class whose images are not there yet. */
const PENDING = 96;

export const ZOOM_MIN = 1;
export const ZOOM_MAX = 15;
export const ZOOM_STEP = 0.5;
/** Of an image's row at zoom 1: even, so that every zoom gives whole pixels. */
const CELL = 4;
const SMALL_CELL = 2;
/** Rows at least this high are named. */
export const NAMES_FROM = 12;
const MANY_IMAGES = 100;
/** A pixel chart is about so high when it is opened, where its zoom allows. */
const FIRST_HEIGHT = 320;

export function cellHeight(images: number, zoom: number): number {
  return (images > MANY_IMAGES ? SMALL_CELL : CELL) * zoom;
}

/** Few images get high rows. */
export function firstZoom(images: number): number {
  const zoom = FIRST_HEIGHT / (Math.max(1, images) * cellHeight(images, 1));
  return clampZoom(Math.floor(zoom / ZOOM_STEP) * ZOOM_STEP);
}

export function clampZoom(zoom: number): number {
  return Math.min(ZOOM_MAX, Math.max(ZOOM_MIN, zoom));
}

export interface LayoutQuery {
  /** Null lists classes alone. */
  readonly clusters: readonly (readonly number[])[] | null;
  readonly openClusters: readonly number[];
  /** Of a cluster's classes, or of all, those that are listed. */
  readonly list: (classes: readonly number[]) => {
    readonly listed: readonly number[];
    readonly below: number;
  };
  readonly classes: readonly number[];
  /** The number of images of opened classes, 0 until it is known. */
  readonly opened: ReadonlyMap<number, number>;
  readonly zoom: (index: number, images: number) => number;
  readonly triangles: boolean;
  /** Whether each row has that of another run below it. */
  readonly paired: boolean;
}

export interface Layout {
  readonly lines: readonly Line[];
  readonly height: number;
}

/** The strip of the whole model, and that of another run's. */
export function modelLayout(paired: boolean): Layout {
  const line: Line = { kind: 'model', key: 'model', top: 0, ...strip(GROUP_LANE) };
  if (!paired) return { lines: [line], height: line.height };
  const place = { key: otherKey(line.key), top: line.height, ...strip(LANE) };
  const other: Line = { kind: 'other', of: { kind: 'model' }, ...place };
  return { lines: [line, other], height: line.height + other.height };
}

/** Of the same row of another run. */
export function otherKey(key: string): string {
  return `${key}-other`;
}

export function layOut(query: LayoutQuery): Layout {
  const lines: Line[] = [];
  let top = 0;
  const lane = query.triangles ? LANE : FLAT_LANE;
  const add = (
    key: string,
    line: Content,
    sizes: Pick<Placed, 'height' | 'chartTop' | 'chartHeight'>,
  ): void => {
    lines.push({ ...line, key, top, ...sizes });
    top += sizes.height;
  };
  const addPair = (key: string, line: OwnContent, sizes: ReturnType<typeof strip>): void => {
    add(key, line, sizes);
    if (query.paired) add(otherKey(key), { kind: 'other', of: line }, strip(lane));
  };
  const addClasses = (classes: readonly number[], level: number, cluster: number | null): void => {
    const { listed, below } = query.list(classes);
    for (const index of listed) {
      const images = query.opened.get(index);
      if (images === undefined) {
        addPair(`class-${index}`, { kind: 'class', index, level }, strip(lane));
      } else {
        const cell = cellHeight(images, query.zoom(index, images));
        const sizes = chart(images * cell, query.triangles ? LANE : FLAT_LANE);
        addPair(`class-${index}`, { kind: 'images', index, level, images, cell }, sizes);
      }
    }
    if (below > 0) {
      add(`rest-${cluster ?? 'all'}`, { kind: 'rest', cluster, count: below }, plain(REST));
    }
  };
  if (query.clusters === null) addClasses(query.classes, 1, null);
  else {
    query.clusters.forEach((classes, cluster) => {
      const open = query.openClusters.includes(cluster);
      const line: OwnContent = { kind: 'cluster', cluster, classes, open };
      addPair(`cluster-${cluster}`, line, strip(GROUP_LANE));
      if (open) addClasses(classes, 2, cluster);
    });
  }
  return { lines, height: top };
}

function strip(lane: number): Pick<Placed, 'height' | 'chartTop' | 'chartHeight'> {
  return { height: STRIP + 2 * lane, chartTop: lane, chartHeight: STRIP };
}

function chart(height: number, lane: number): Pick<Placed, 'height' | 'chartTop' | 'chartHeight'> {
  const room = height === 0 ? PENDING : height;
  return { height: HEAD + 2 * lane + room + FOOT, chartTop: HEAD + lane, chartHeight: height };
}

function plain(height: number): Pick<Placed, 'height' | 'chartTop' | 'chartHeight'> {
  return { height, chartTop: 0, chartHeight: 0 };
}

/** The lines that overlap a stretch of the content. */
export function linesBetween(lines: readonly Line[], top: number, bottom: number): readonly Line[] {
  const first = Math.max(0, lineIndexAt(lines, top));
  let end = first;
  while (end < lines.length && (lines[end] as Line).top < bottom) end += 1;
  return lines.slice(first, end);
}

/** The last line that begins at or above `y`; -1 above all. */
export function lineIndexAt(lines: readonly Line[], y: number): number {
  let [low, high] = [0, lines.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((lines[middle] as Line).top <= y) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** What lies at a height of the content: a line, and where it is one of images, the row of it. */
export interface Spot {
  readonly line: Line;
  readonly row: number | null;
  /** Relative to the chart: negative above it, beyond its height below it. */
  readonly y: number;
}

export function spotAt(lines: readonly Line[], y: number): Spot | null {
  const line = lines[lineIndexAt(lines, y)];
  if (!line || y >= line.top + line.height) return null;
  const within = y - line.top - line.chartTop;
  const inside = within >= 0 && within < line.chartHeight;
  const row = line.kind === 'images' && inside ? Math.floor(within / line.cell) : null;
  return { line, row, y: within };
}
