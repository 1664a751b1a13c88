import type { components } from './contract.generated';

type Schemas = components['schemas'];
export type Architecture = Schemas['Architecture'];
export type AreaDistribution = Schemas['AreaDistribution'];
export type Attribution = Schemas['Attribution'];
export type AttributionPart = Schemas['AttributionPart'];
export type Changes = Schemas['Changes'];
export type ChannelStrip = Schemas['ChannelStrip'];
export type Comparison = Schemas['Comparison'];
export type Correlation = Schemas['Correlation'];
export type Curve = Schemas['Curve'];
export type Curves = Schemas['Curves'];
export type Distribution = Schemas['Distribution'];
export type ErrorBody = Schemas['ErrorBody'];
export type Finding = Schemas['Finding'];
export type Flow = Schemas['Flow'];
export type FlowImage = Schemas['FlowImage'];
export type Forensics = Schemas['Forensics'];
export type ImageHistory = Schemas['ImageHistory'];
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
export type LogEvent = Schemas['LogEvent'];
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
export type RateStage = Schemas['RateStage'];
export type Run = Schemas['Run'];
export type Snapshot = Schemas['Snapshot'];
export type TensorDifference = Schemas['TensorDifference'];
export type TopFilters = Schemas['TopFilters'];
export type Training = Schemas['Training'];
export type TrainingCurves = Schemas['TrainingCurves'];
export type TrainingUnit = Schemas['TrainingUnit'];
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

/** Validation by class. Matrices are classes x passes, errors NaN where unknown. */
export interface TrainingClasses {
  readonly error: Float32Array;
  /** Images that broke a lasting state at a pass, or began one. */
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly modelError: Float32Array;
  readonly modelLeft: Int32Array;
  readonly modelRight: Int32Array;
  /** Classes in order of similarity, and of their greatest anomaly. */
  readonly mds: Int32Array;
  readonly peak: Int32Array;
  /** The cluster of each class; 0 has the least error. */
  readonly cluster: Int32Array;
  /** The first probe image of each class that has a thumbnail, -1 where none has one. */
  readonly firstImage: Int32Array;
}

/** The probe images of a class. Matrices are images x passes. */
export interface TrainingImages {
  /** Indices of probe images. */
  readonly image: Int32Array;
  readonly names: readonly string[];
  /** Indices of classes; -1 where unknown. */
  readonly predicted: Int32Array;
  /** Of the true class, NaN where unknown. */
  readonly probability: Float32Array;
  /** Rows in order of similarity. */
  readonly order: Int32Array;
  /** How many images the class has besides. */
  readonly leftOut: number;
}

/** Of units x dumps: how many values are NaN or infinite, and of how many; 0 where unknown. */
export interface NotFinite {
  readonly some: Float64Array;
  readonly of: Float64Array;
}

/** A statistic of units: units x dumps, times five for quartiles (minimum, q1, mean, q3, maximum). */
export interface LayerSeries {
  readonly units: readonly string[];
  readonly kind: string;
  readonly statistic: string;
  readonly depth: 1 | 5;
  /** Of finite values. */
  readonly values: Float32Array;
  /** Null where all values are finite. */
  readonly notFinite: NotFinite | null;
}

/** Shares of parameters by band of |x/w|, smallest first: units x dumps x bands. */
export interface LayerBands {
  readonly units: readonly string[];
  readonly kind: string;
  readonly edges: readonly number[];
  /** Of finite values. */
  readonly values: Float32Array;
  /** Null where all values are finite. */
  readonly notFinite: NotFinite | null;
}

/** A measure of filters: filters x dumps. */
export interface FilterSeries {
  readonly layer: string;
  readonly measure: string;
  readonly filters: readonly number[];
  readonly values: Float32Array;
}
