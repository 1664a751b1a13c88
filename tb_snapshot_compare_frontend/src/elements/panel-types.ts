import type { ComponentChildren } from 'preact';
import type { ViewId } from '../state/selection';

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
  readonly toolbar?: ComponentChildren;
  readonly legend?: ComponentChildren;
  readonly exports?: PanelExports;
  /** Dims the content and shows a thin bar at the top. */
  readonly busy?: { readonly label: string; readonly fraction: number | null } | null;
  readonly children: ComponentChildren;
}
