import type { components } from './contract.generated';

type Schemas = components['schemas'];
export type Architecture = Schemas['Architecture'];
export type AreaDistribution = Schemas['AreaDistribution'];
export type Attribution = Schemas['Attribution'];
export type AttributionPart = Schemas['AttributionPart'];
export type Changes = Schemas['Changes'];
export type ChannelStrip = Schemas['ChannelStrip'];
export type Comparison = Schemas['Comparison'];
export type Curve = Schemas['Curve'];
export type Curves = Schemas['Curves'];
export type Distribution = Schemas['Distribution'];
export type ErrorBody = Schemas['ErrorBody'];
export type Flow = Schemas['Flow'];
export type FlowImage = Schemas['FlowImage'];
export type ImageSet = Schemas['ImageSet'];
export type ImageSets = Schemas['ImageSets'];
export type Job = Schemas['Job'];
export type KernelLevel = Schemas['KernelLevel'];
export type KernelMap = Schemas['KernelMap'];
export type KernelSlice = Schemas['KernelSlice'];
export type LayerDifference = Schemas['LayerDifference'];
export type LayerEdge = Schemas['LayerEdge'];
export type LayerNode = Schemas['LayerNode'];
export type Listing = Schemas['Listing'];
export type Located = Schemas['Located'];
export type Match = Schemas['Match'];
export type Matches = Schemas['Matches'];
export type MatchTensor = Schemas['MatchTensor'];
export type Measures = Schemas['Measures'];
export type Patch = Schemas['Patch'];
export type Patches = Schemas['Patches'];
export type Predictions = Schemas['Predictions'];
export type Preprocessing = Schemas['Preprocessing'];
export type ProbeImage = Schemas['ProbeImage'];
export type ProbeLayer = Schemas['ProbeLayer'];
export type ProbeModel = Schemas['ProbeModel'];
export type Run = Schemas['Run'];
export type Snapshot = Schemas['Snapshot'];
export type TensorDifference = Schemas['TensorDifference'];
export type Trend = Schemas['Trend'];
export type TrendPair = Schemas['TrendPair'];
export type TrendSnapshot = Schemas['TrendSnapshot'];
export type Upload = Schemas['Upload'];

/** Per-filter measures of a layer's kernel: one value per output filter, NaN where undefined. */
export interface FilterMeasures {
  readonly layer: string;
  readonly tensor: string;
  readonly filters: number;
  readonly measures: Readonly<Record<keyof Measures, Float64Array>>;
}

/** The stored index of the row and of the column at each place of a kernel's map. */
export interface KernelPlaces {
  readonly rows: Int32Array;
  readonly columns: Int32Array;
}

export type { ActivationMaps, MapStack, Preparing } from './probing-types';
