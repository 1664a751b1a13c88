/** Values that the page and the layout worker exchange. Lengths are in px at scale 1. */

/** A small drawing is shown enlarged where there is room for it, but no further than this. */
export const LARGEST_SCALE = 1.6;
/** Below this the text cannot be read: the whole width is shown instead, from the top. */
export const LEAST_SCALE = 0.85;

export interface Link {
  readonly source: string;
  readonly target: string;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Rect extends Point, Size {}

/** A box to place; `parent` is the frame (opened group) that it lies in. */
export interface BoxSpec extends Size {
  readonly id: string;
  readonly parent: string | null;
}

export interface FrameSpec {
  readonly id: string;
  readonly parent: string | null;
  /** Room that the title needs. */
  readonly titleWidth: number;
}

/** `boxes` and `frames` in topological order; `links` between boxes. */
export interface LayoutInput {
  readonly boxes: readonly BoxSpec[];
  readonly frames: readonly FrameSpec[];
  readonly links: readonly Link[];
  /** The room that the drawing should fit. */
  readonly room: Size;
}

/**
 * `flow` joins neighbours, `return` leads from the end of a row to the start of the next,
 * `skip` passes other layers in a lane of its own.
 */
export type EdgeKind = 'flow' | 'return' | 'skip';

export interface RoutedEdge {
  readonly kind: EdgeKind;
  /** Ids of the boxes that it comes from and leads to. */
  readonly sources: readonly string[];
  readonly targets: readonly string[];
  readonly path: string;
  readonly arrow: boolean;
  /** One of so many that it is drawn only while an end of it is highlighted. */
  readonly quiet: boolean;
}

export interface PlacedBox extends Rect {
  readonly id: string;
}

export interface LayoutResult extends Size {
  readonly boxes: readonly PlacedBox[];
  /** Outermost first, so that they can be painted in order. */
  readonly frames: readonly PlacedBox[];
  readonly edges: readonly RoutedEdge[];
  readonly rows: number;
}
