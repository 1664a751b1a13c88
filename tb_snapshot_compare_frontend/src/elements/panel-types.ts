import type { ComponentChildren } from 'preact';
import type { ViewId } from '../state/selection';
import type { SectionId } from '../state/training';
import type { Busy } from './BusyBar';

/** What a panel offers for download; each function is called at the click. */
export interface PanelExports {
  /** Base name of the files, without extension. */
  readonly name: string;
  /** A self-contained SVG document (styles resolved), or null where the view has none. */
  readonly svg?: () => string;
  /** Rows of the view's data, header first. */
  readonly csv?: () => string;
}

export interface PanelProps {
  readonly id: ViewId;
  readonly title: string;
  /** Names the selection, e.g. `conv5 · 884,736 weights`. */
  readonly subtitle?: string;
  /** In the header. */
  readonly toolbar?: ComponentChildren;
  /** In a row of their own below the header. */
  readonly controls?: ComponentChildren;
  readonly legend?: ComponentChildren;
  readonly exports?: PanelExports;
  /** Dims the content, shows a thin bar above it, and says what is done instead of the subtitle. */
  readonly busy?: Busy | null;
  readonly children: ComponentChildren;
}

/** As of a panel, of one of the Training page's sections. */
export interface SectionProps extends Omit<PanelProps, 'id'> {
  readonly id: SectionId;
  /** Nothing in it lies on the time axis: pins and crosshair do not go through it. */
  readonly timeless?: boolean;
}
