/** Statistics of the layers and filters of the made-up training, over its dumps. */
import type { FilterSeries, LayerBands, LayerSeries } from '../../../src/client/types';
import {
  add,
  DEAD_LAYER,
  DUMPS,
  gauss,
  generator,
  INCIDENTS,
  LAYER_UNITS,
  NEVER_TRAINED,
  rateAt,
  UNITS,
  wander,
} from './plan';

type Kind = 'weight' | 'update' | 'gradient' | 'moment1' | 'moment2';

/** Of a normal distribution. */
const MEAN_ABS = 0.798;
const QUARTILE = 0.674;

const sizes = new Map<string, Float64Array>();

/** The standard deviation of what is in a layer, at every dump. */
function deviation(layer: string, kind: Kind): Float64Array {
  const key = `${kind} ${layer}`;
  const known = sizes.get(key);
  if (known) return known;
  const made = Float64Array.from({ length: DUMPS }, sizeAt(layer, kind));
  sizes.set(key, made);
  return made;
}

function sizeAt(layer: string, kind: Kind): (_: unknown, dump: number) => number {
  const place = LAYER_UNITS.findIndex(({ path }) => path === layer);
  const random = generator(`size ${layer}`);
  const base = 0.012 + 0.03 * random();
  const depth = 1 + 1.4 * (1 - place / LAYER_UNITS.length);
  const noise = wander(generator(`noise ${layer}`), DUMPS, 0.7);
  const slow = wander(generator(`slow ${layer}`), DUMPS, 0.97);
  return (_, dump) => {
    const weight = base * (1 + 0.5 * Math.log1p(dump / 60)) * Math.exp(-dump / 2400);
    if (kind === 'weight') return weight;
    const calm = 1 / (1 + dump / 320);
    const wobble = Math.exp(0.16 * (noise[dump] as number) + 0.18 * (slow[dump] as number));
    const gradient = 0.0024 * depth * calm * wobble * struck(layer, dump);
    if (kind === 'gradient') return gradient;
    if (layer === NEVER_TRAINED) return 0;
    if (kind === 'update') return gradient * rateAt(dump) * 2.2;
    return kind === 'moment1' ? gradient * 0.6 : gradient ** 2;
  };
}

function struck(layer: string, dump: number): number {
  let factor = 1;
  for (const incident of INCIDENTS) {
    const since = dump - incident.dump;
    if (since < 0 || since > 12) continue;
    const near = incident.layers.includes(layer) ? 1 : 0.25;
    factor *= 1 + (incident.size - 1) * near * Math.exp(-since / 2.2);
  }
  return factor;
}

export function layerSeries(
  units: readonly string[],
  kind: Kind,
  statistic: string,
  dumps: number,
): LayerSeries {
  const depth = statistic === 'quartiles' ? 5 : 1;
  const values = new Float32Array(units.length * dumps * depth);
  units.forEach((path, row) => {
    const size = ofUnit(path, kind);
    const { parameters } = unitOf(path);
    const noise = wander(generator(`sign ${path} ${kind}`), DUMPS, 0.5);
    for (let dump = 0; dump < dumps; dump += 1) {
      const at = (row * dumps + dump) * depth;
      const of = statisticsOf(size[dump] as number, noise[dump] as number, parameters);
      const missing = kind !== 'weight' && dump === 0 && kind === 'update';
      const picked = depth === 5 ? (['minimum', 'q1', 'mean', 'q3', 'maximum'] as const) : null;
      for (let part = 0; part < depth; part += 1) {
        const name = picked ? (picked[part] as string) : statistic;
        values[at + part] = missing ? Number.NaN : (of[name] ?? Number.NaN);
      }
    }
  });
  return { units: [...units], kind, statistic, depth, values, notFinite: null };
}

function statisticsOf(size: number, noise: number, parameters: number): Record<string, number> {
  const extreme = Math.sqrt(2 * Math.log(Math.max(2, parameters))) * size;
  const mean = 0.04 * size * noise;
  return {
    l1: MEAN_ABS * size,
    l2: size / Math.sqrt(Math.max(1, parameters)),
    sum: mean * parameters,
    mean,
    std: size,
    variance: size * size,
    maximum: extreme * (1 + 0.05 * noise),
    minimum: -extreme * (1 - 0.05 * noise),
    median: mean * 0.7,
    q1: mean - QUARTILE * size,
    q3: mean + QUARTILE * size,
  };
}

/** Of a group, of all parameters below it together. */
function ofUnit(path: string, kind: Kind): Float64Array {
  if (unitOf(path).is_layer) return deviation(path, kind);
  const below = LAYER_UNITS.filter((unit) => path === '' || unit.path.startsWith(`${path}/`));
  const total = below.reduce((sum, { parameters }) => sum + parameters, 0);
  const squares = new Float64Array(DUMPS);
  for (const { path: layer, parameters } of below) {
    const own = deviation(layer, kind);
    for (let dump = 0; dump < DUMPS; dump += 1) {
      add(squares, dump, ((own[dump] as number) ** 2 * parameters) / total);
    }
  }
  return squares.map(Math.sqrt);
}

export function layerBands(
  units: readonly string[],
  kind: 'update' | 'gradient',
  edges: readonly number[],
  dumps: number,
): LayerBands {
  const bands = edges.length + 1;
  const values = new Float32Array(units.length * dumps * bands);
  units.forEach((path, row) => {
    const [sizes, weights] = [ofUnit(path, kind), ofUnit(path, 'weight')];
    for (let dump = 0; dump < dumps; dump += 1) {
      const at = (row * dumps + dump) * bands;
      if (kind === 'update' && dump === 0) {
        values.fill(Number.NaN, at, at + bands);
        continue;
      }
      const ratio = (sizes[dump] as number) / (weights[dump] as number);
      let below = 0;
      for (let band = 0; band < bands; band += 1) {
        const edge = edges[band] ?? Number.POSITIVE_INFINITY;
        // Ratio of two normal values: Cauchy.
        const share = ratio === 0 ? 1 : (2 / Math.PI) * Math.atan(edge / ratio);
        values[at + band] = share - below;
        below = share;
      }
    }
  });
  return { units: [...units], kind, edges: [...edges], values, notFinite: null };
}

export function filterSeries(
  layer: string,
  measure: string,
  filters: readonly number[] | null,
  dumps: number,
): FilterSeries {
  const { filters: count } = unitOf(layer);
  const picked = filters ?? Array.from({ length: count }, (_, index) => index);
  const values = new Float32Array(picked.length * dumps);
  const size = deviation(layer, 'update');
  const weight = deviation(layer, 'weight');
  const hits = INCIDENTS.map(({ dump }) => ({ dump, top: new Set(topOf(layer, dump)) }));
  picked.forEach((filter, row) => {
    const random = generator(`filter ${layer} ${filter}`);
    const own = Math.exp(0.5 * gauss(random));
    const dead = layer === DEAD_LAYER && filter % 22 === 7;
    const struckAt = hits.filter(({ top }) => top.has(filter)).map(({ dump }) => dump);
    for (let dump = 0; dump < dumps; dump += 1) {
      const ratio = ((size[dump] as number) / (weight[dump] as number)) * own;
      const hit = struckAt.includes(dump) ? 5 : 1;
      const relative = dead ? 0 : ratio * hit * Math.exp(0.35 * gauss(random));
      values[row * dumps + dump] = dump === 0 ? Number.NaN : measured(measure, relative);
    }
  });
  return { layer, measure, filters: picked, values };
}

function measured(measure: string, relative: number): number {
  if (measure === 'cosine') return 1 - Math.min(2, 0.5 * relative * relative);
  if (measure === 'w_l2' || measure === 'w_std') return 1 + relative;
  return measure.includes('relative') ? relative : relative * 1.7;
}

/** Filters of a layer that an incident changed most. */
export function topOf(layer: string, dump: number): readonly number[] {
  const incident = INCIDENTS.find((entry) => entry.dump === dump);
  if (!incident?.layers.includes(layer)) return [];
  const random = generator(`top ${layer}`);
  const { filters } = unitOf(layer);
  const shared = Array.from({ length: 3 }, () => Math.floor(random() * filters));
  const own = generator(`top ${layer} ${dump}`);
  const more = Array.from({ length: 2 }, () => Math.floor(own() * filters));
  return [...new Set([...shared, ...more])].sort((one, other) => one - other);
}

function unitOf(path: string) {
  const found = UNITS.find((unit) => unit.path === path);
  if (!found) throw new Error(`the fake log has no unit ${path}`);
  return found;
}
