/** Values of the network architecture view. */
import type { Architecture, LayerNode } from '../../client/types';
import type { Link } from '../../workers/layout/types';

/** More boxes than these are not taken in at a glance. */
export const MANY_BOXES = 60;

/** A layer that has a box of its own. */
export interface Unit {
  readonly name: string;
  readonly layer: LayerNode;
  /** Layers drawn at the foot of the box, in the order in which data passes them. */
  readonly folded: readonly LayerNode[];
  readonly group: string | null;
}

export interface Group {
  readonly name: string;
  /** What its members' names start with; their labels leave it out. */
  readonly prefix: string;
  readonly parent: string | null;
  /** Found from the names of the layers, rather than given by the model. */
  readonly synthetic: boolean;
  readonly kind: string;
}

export interface Network {
  /** In topological order. */
  readonly units: readonly Unit[];
  readonly groups: ReadonlyMap<string, Group>;
  /** Between units, each once. */
  readonly links: readonly Link[];
  /** The unit that draws a layer. */
  readonly unitOf: ReadonlyMap<string, string>;
  readonly source: Architecture['source'];
  readonly note: string;
}
