/** What there is to tell of the made-up training: findings, events, forensics, correlation. */
import type {
  Correlation,
  Curve,
  Finding,
  Forensics,
  LogEvent,
  RateStage,
  TopFilters,
  TrainingClasses,
} from '../../../src/client/types';
import { topOf } from './layers';
import {
  DEAD_LAYER,
  DUMPS,
  EVERY,
  generator,
  INCIDENTS,
  LAYER_UNITS,
  NAN_DUMP,
  NAN_LAYER,
  NEVER_TRAINED,
  plainRateAt,
  RUN,
  rateAt,
  stepOf,
  wander,
} from './plan';

const STARTED = Date.UTC(2026, 10, 14, 6, 0, 0) / 1000;
const SECONDS_PER_DUMP = 560;
/** Logged values between two dumps. */
const CURVE_PARTS = 4;

export function timeOf(dump: number): number {
  return STARTED + dump * SECONDS_PER_DUMP;
}

export function ratesOf(dumps: number): RateStage[] {
  const stages: { first: number; last: number; value: number }[] = [];
  for (let dump = 0; dump < dumps; dump += 1) {
    const value = rateAt(dump);
    const last = stages.at(-1);
    if (last?.value === value) last.last = stepOf(dump);
    else stages.push({ first: stepOf(dump), last: stepOf(dump), value });
  }
  return stages;
}

export function curvesOf(dumps: number, errorAt: (dump: number) => number): Curve[] {
  const places = dumps * CURVE_PARTS;
  const noise = wander(generator('loss'), DUMPS * CURVE_PARTS, 0.3);
  const x = Array.from({ length: places }, (_, at) => ((at + 1) * EVERY) / CURVE_PARTS);
  const lossAt = (at: number) => {
    const dump = Math.floor(at / CURVE_PARTS);
    const spike = INCIDENTS.reduce((sum, { dump: when, kind, size }) => {
      const since = at / CURVE_PARTS - when - 0.6;
      return kind === 'rate drop' || since < 0 ? sum : sum + 0.09 * size * Math.exp(-since / 1.6);
    }, 0);
    const learned = 0.7 + 5.4 * Math.exp(-dump / 42) + 0.9 * (plainRateAt(dump) / 0.1) ** 0.35;
    return learned + spike + 0.05 * learned * (noise[at] as number);
  };
  const steps = Array.from({ length: dumps }, (_, dump) => stepOf(dump));
  const error = steps.map((_, dump) => errorAt(dump));
  const of = (
    part: string,
    tag: string,
    kind: Curve['kind'],
    places: number[],
    y: (number | null)[],
  ): Curve => ({ run: `${RUN}/${part}`, tag, kind, axis: 'step', x: places, y });
  const loss = x.map((_, at) => lossAt(at));
  return [
    of('train', 'loss', 'loss', x, loss),
    of(
      'validation',
      'loss',
      'loss',
      steps,
      error.map((value) => 0.75 + 5.2 * value ** 1.3),
    ),
    of(
      'train',
      'accuracy',
      'accuracy',
      x,
      loss.map((value) => Math.max(0.001, 1 - value / 6.6)),
    ),
    of(
      'validation',
      'accuracy',
      'accuracy',
      steps,
      error.map((value) => 1 - value),
    ),
    of(
      'train',
      'learning_rate',
      'other',
      steps,
      steps.map((_, dump) => rateAt(dump)),
    ),
    of(
      'train',
      'seconds/step',
      'other',
      steps,
      steps.map((_, dump) => 0.34 + 0.02 * Math.sin(dump)),
    ),
  ];
}

export function eventsOf(dumps: number): LogEvent[] {
  const events: LogEvent[] = [];
  for (const { dump, kind, classes } of INCIDENTS) {
    if (kind === 'rate drop') continue;
    const text = `Images of ${classes.length} classes changed at once.`;
    events.push({ step: stepOf(dump), time: timeOf(dump), kind: 'anomaly', text });
    for (const near of [dump - 1, dump]) {
      const said = `Snapshot of step ${stepOf(near).toLocaleString('en-US')} was written.`;
      events.push({ step: stepOf(near), time: timeOf(near), kind: 'snapshot', text: said });
    }
  }
  const text = `3 weights of ${NAN_LAYER} are not a number.`;
  events.push({ step: stepOf(NAN_DUMP), time: timeOf(NAN_DUMP), kind: 'nan', text });
  const resumed = 'Training was resumed by keras 3.12.';
  events.push({ step: stepOf(421), time: timeOf(421), kind: 'resumed', text: resumed });
  const known = events.filter(({ step }) => step <= stepOf(dumps - 1));
  return known.sort((one, other) => one.step - other.step);
}

export function findingsOf(dumps: number): Finding[] {
  const finding = (
    kind: Finding['kind'],
    severity: Finding['severity'],
    text: string,
    view: Finding['view'],
    evidence: Partial<Pick<Finding, 'units' | 'classes' | 'steps'>>,
  ): Finding => ({
    id: `${kind} ${text}`,
    kind,
    severity,
    text,
    view,
    units: [],
    classes: [],
    steps: [],
    also: [],
    ...evidence,
  });
  const incidents = INCIDENTS.filter(({ kind, dump }) => kind !== 'rate drop' && dump < dumps);
  const all = [
    finding(
      'not_finite',
      'problem',
      `3 weights of ${NAN_LAYER} became NaN at step 1,025,600.`,
      'layers',
      {
        units: [NAN_LAYER],
        steps: [stepOf(NAN_DUMP)],
      },
    ),
    finding(
      'never_trained',
      'problem',
      `${NEVER_TRAINED} never changed: all 65,536 weights are bit for bit as they were at step 1,600.`,
      'layers',
      {
        units: [NEVER_TRAINED],
      },
    ),
    ...incidents.map(({ dump, kind, layers, classes }) =>
      kind === 'rate spike'
        ? finding(
            'spike',
            'warning',
            `Loss rose ninefold at step ${stepOf(dump).toLocaleString('en-US')}, after the updates of ${layers[0]}.`,
            'forensics',
            { units: [...layers], steps: [stepOf(dump)] },
          )
        : finding(
            'anomaly',
            'warning',
            `Images of ${classes.length} classes changed at once at step ${stepOf(dump).toLocaleString('en-US')}.`,
            'validation',
            { classes: [...classes], steps: [stepOf(dump)] },
          ),
    ),
    finding(
      'dead_filters',
      'warning',
      `23 of 512 filters of ${DEAD_LAYER} are all zeros.`,
      'layers',
      { units: [DEAD_LAYER] },
    ),
    finding('lost', 'note', '12 dumps were not recorded: the disk was full.', 'model', {
      steps: [stepOf(420)],
    }),
  ];
  return all.filter(({ steps }) => steps.every((step) => step <= stepOf(dumps - 1)));
}

export function forensicsOf(step: number): Forensics {
  const dump = Math.round(step / EVERY) - 1;
  const incident = INCIDENTS.find((entry) => Math.abs(entry.dump - dump) <= 2);
  const random = generator(`forensics ${step}`);
  if (!incident) return { step, loss_onset: null, series: [] };
  const loss = incident.kind === 'rate drop' ? null : stepOf(incident.dump + 1);
  const series: Forensics['series'] = [];
  const add = (unit: string, quantity: Forensics['series'][number]['quantity'], onset: number) =>
    series.push({
      unit,
      quantity,
      onset,
      after: onset - (quantity === 'loss' ? 1 : EVERY),
      lead: loss === null ? null : loss - onset,
      deviation: 4 + random() * 30,
    });
  incident.layers.forEach((layer, index) => {
    add(layer, 'gradient', stepOf(incident.dump - 1 + Math.floor(index / 2)));
    add(layer, 'moment1', stepOf(incident.dump + Math.floor(index / 3)));
    add(layer, 'moment2', stepOf(incident.dump + Math.floor(index / 3)));
    add(layer, 'update', stepOf(incident.dump + Math.floor(index / 2)));
    if (index < 2) add(layer, 'weight', stepOf(incident.dump + 2));
  });
  if (loss !== null) add('', 'loss', loss);
  series.sort((one, other) => one.onset - other.onset);
  return { step, loss_onset: loss, series };
}

export function topFiltersOf(steps: readonly number[], count: number): TopFilters {
  const dumps = steps.map((step) => Math.round(step / EVERY) - 1);
  const filters = LAYER_UNITS.flatMap(({ path }) => {
    const sets = dumps.map((dump) => topOf(path, dump));
    const [first = [], ...more] = sets;
    return first
      .filter((filter) => more.every((set) => set.includes(filter)))
      .map((filter) => ({
        layer: path,
        filter,
        cosine: dumps.map((dump) => 0.6 + 0.3 * generator(`${path} ${filter} ${dump}`)()),
        relative_l2: dumps.map((dump) => 0.2 + 0.4 * generator(`${path} ${filter} ${dump}`)()),
      }));
  });
  return { steps: [...steps], count, filters, left_out: ['conv1', 'fc1000'] };
}

export function correlationOf(
  { left, right }: Pick<TrainingClasses, 'left' | 'right'>,
  classes: number,
  threshold: number,
): Correlation {
  const passes = left.length / classes;
  const columns: Correlation['columns'] = [];
  const kept: number[] = [];
  for (let label = 0; label < classes; label += 1) {
    const own: Correlation['columns'] = [];
    for (const { dump } of INCIDENTS) {
      for (const at of [dump, dump + 1, dump + 2, dump + 3]) {
        if (at >= passes) continue;
        for (const [side, counts] of [
          ['left', left],
          ['right', right],
        ] as const) {
          const count = counts[label * passes + at] as number;
          if (count >= threshold && own.every(({ step }) => step !== stepOf(at)))
            own.push({ class_index: label, step: stepOf(at), side, count });
        }
      }
    }
    if (own.length < 2) continue;
    kept.push(label);
    columns.push(...own);
  }
  const rows = LAYER_UNITS.flatMap(({ path }) => {
    const byFilters = new Map<string, { filters: number[]; columns: number[] }>();
    columns.forEach(({ step }, column) => {
      const dump = INCIDENTS.find(
        (entry) => Math.abs(stepOf(entry.dump) - step) <= 3 * EVERY,
      )?.dump;
      const top = dump === undefined ? [] : topOf(path, dump);
      if (top.length === 0) return;
      for (const part of [top.slice(0, 3), top.slice(3)]) {
        if (part.length === 0) continue;
        const known = byFilters.get(part.join());
        if (known) known.columns.push(column);
        else byFilters.set(part.join(), { filters: [...part], columns: [column] });
      }
    });
    const sets = [...byFilters.values()].sort((x, y) => y.filters.length - x.filters.length);
    if (sets.length === 0) return [];
    const distinct = kept.map((label) => {
      const hit = sets.filter((set) =>
        set.columns.some((column) => columns[column]?.class_index === label),
      );
      return new Set(hit.flatMap(({ filters }) => filters)).size;
    });
    return [{ layer: path, sets, distinct }];
  });
  return { classes: kept, columns, rows, left_out: ['conv1', 'fc1000'] };
}
