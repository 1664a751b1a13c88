/** The values of the performance view that are not JSON on the wire. */

/** How pixels are to become the model's input; what is null is left to the server. */
export interface Preparing {
  readonly resize: 'stretch' | 'crop' | 'pad' | null;
  readonly scale: 'none' | 'unit' | 'signed' | null;
  readonly order: 'rgb' | 'bgr' | null;
  /** By channel; empty is not given. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** One map after the other, row by row. */
export interface MapStack {
  readonly height: number;
  readonly width: number;
  readonly values: Float32Array;
}

/** Maps of some channels of one layer for one image, in a and in b. */
export interface ActivationMaps {
  readonly image: string;
  readonly layer: string;
  /** The channels that the maps are of, in their order. */
  readonly channels: readonly number[];
  readonly a: MapStack;
  readonly b: MapStack;
  /** Whether the maps of a and of b lie on one grid; else they have no difference. */
  readonly sameSize: boolean;
  /** By channel, ||map_b - map_a||; NaN where it is not defined. */
  readonly difference: Float32Array | Float64Array;
}
