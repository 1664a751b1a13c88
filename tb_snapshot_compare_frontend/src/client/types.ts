import type { components } from './contract.generated';

type Schemas = components['schemas'];
export type Architecture = Schemas['Architecture'];
export type Changes = Schemas['Changes'];
export type Comparison = Schemas['Comparison'];
export type Curve = Schemas['Curve'];
export type Curves = Schemas['Curves'];
export type Distribution = Schemas['Distribution'];
export type ErrorBody = Schemas['ErrorBody'];
export type Job = Schemas['Job'];
export type LayerDifference = Schemas['LayerDifference'];
export type LayerEdge = Schemas['LayerEdge'];
export type LayerNode = Schemas['LayerNode'];
export type Listing = Schemas['Listing'];
export type Measures = Schemas['Measures'];
export type Run = Schemas['Run'];
export type Snapshot = Schemas['Snapshot'];
export type TensorDifference = Schemas['TensorDifference'];

/** Per-filter measures of a layer's kernel: one value per output filter, NaN where undefined. */
export interface FilterMeasures {
  readonly layer: string;
  readonly tensor: string;
  readonly filters: number;
  readonly measures: Readonly<Record<keyof Measures, Float64Array>>;
}
