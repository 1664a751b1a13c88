/** What became of every probe image in every validation pass of the made-up training. */
import type { TrainingClasses, TrainingImages } from '../../../src/client/types';
import { add, DUMPS, generator, INCIDENTS, plainRateAt } from './plan';

/** Of the first images; more classes have names with a number. */
const NAMES = [
  'tench',
  'goldfish',
  'great white shark',
  'hammerhead',
  'electric ray',
  'stingray',
  'cock',
  'hen',
  'ostrich',
  'brambling',
  'goldfinch',
  'house finch',
  'junco',
  'indigo bunting',
  'robin',
  'bulbul',
  'jay',
  'magpie',
  'chickadee',
  'water ouzel',
  'kite',
  'bald eagle',
  'vulture',
  'great grey owl',
  'European fire salamander',
  'common newt',
  'eft',
  'spotted salamander',
  'axolotl',
  'bullfrog',
] as const;

/** Passes before and after an incident in which an image keeps its state. */
const LEAST_STRETCH = 42;

export class ValidationLog {
  /** Correct or not, images x dumps, by class. */
  private readonly outcomes = new Map<number, Uint8Array>();
  private last: { readonly key: string; readonly value: TrainingClasses } | null = null;

  constructor(
    readonly classes: number,
    readonly perClass: number,
  ) {}

  get names(): string[] {
    return Array.from({ length: this.classes }, (_, index) => NAMES[index] ?? `class ${index}`);
  }

  images(label: number, passes: number): TrainingImages {
    const count = this.perClass;
    const outcomes = this.outcomesOf(label);
    const predicted = new Int32Array(count * passes);
    const probability = new Float32Array(count * passes);
    const right = new Float64Array(count);
    for (let image = 0; image < count; image += 1) {
      const random = generator(`image ${label} ${image}`);
      const twin = (label + 1 + Math.floor(random() * (this.classes - 1))) % this.classes;
      for (let pass = 0; pass < passes; pass += 1) {
        const at = image * passes + pass;
        const correct = outcomes[image * DUMPS + pass] === 1;
        right[image] = (right[image] as number) + Number(correct);
        const other = random() < 0.8 ? twin : Math.floor(random() * this.classes);
        predicted[at] = correct ? label : other === label ? twin : other;
        probability[at] = correct ? 0.45 + 0.54 * random() ** 0.5 : 0.4 * random();
      }
    }
    return {
      image: Int32Array.from({ length: count }, (_, image) => label * count + image),
      names: Array.from({ length: count }, (_, image) => nameOf(label, image)),
      predicted,
      probability,
      order: ordered(right),
      leftOut: 0,
    };
  }

  summary(passes: number, runLength: number, clusters: number): TrainingClasses {
    const key = [passes, runLength, clusters].join();
    if (this.last?.key !== key)
      this.last = { key, value: this.summed(passes, runLength, clusters) };
    return this.last.value;
  }

  private summed(passes: number, runLength: number, clusters: number): TrainingClasses {
    const { classes, perClass } = this;
    const size = classes * passes;
    const value: TrainingClasses = {
      error: new Float32Array(size),
      left: new Int32Array(size),
      right: new Int32Array(size),
      modelError: new Float32Array(passes),
      modelLeft: new Int32Array(passes),
      modelRight: new Int32Array(passes),
      mds: new Int32Array(classes),
      peak: new Int32Array(classes),
      cluster: new Int32Array(classes),
      firstImage: Int32Array.from({ length: classes }, (_, label) => label * perClass),
    };
    for (let label = 0; label < classes; label += 1) {
      const outcomes = this.outcomesOf(label);
      const row = (of: Int32Array) => of.subarray(label * passes, (label + 1) * passes);
      for (let image = 0; image < perClass; image += 1) {
        const states = outcomes.subarray(image * DUMPS, image * DUMPS + passes);
        countBreaks(states, runLength, row(value.left), row(value.right));
        for (let pass = 0; pass < passes; pass += 1) {
          if (states[pass] === 0) add(value.error, label * passes + pass, 1 / perClass);
        }
      }
    }
    for (let at = 0; at < size; at += 1) {
      const pass = at % passes;
      add(value.modelError, pass, (value.error[at] as number) / classes);
      add(value.modelLeft, pass, value.left[at] as number);
      add(value.modelRight, pass, value.right[at] as number);
    }
    const total = rowsBy(classes, passes, (at) => value.error[at] as number, sum);
    const peak = rowsBy(classes, passes, (at) => breaksAt(value, at), Math.max);
    value.mds.set(ordered(total));
    value.peak.set(ordered(peak.map((count) => -count)));
    ordered(total).forEach((label, rank) => {
      value.cluster[label] = Math.floor((rank * clusters) / classes);
    });
    return value;
  }

  /** As of one class: images x all dumps. */
  outcomesOf(label: number): Uint8Array {
    const known = this.outcomes.get(label);
    if (known) return known;
    const made = outcomesOf(label, this.perClass);
    this.outcomes.set(label, made);
    return made;
  }
}

export function nameOf(label: number, image: number): string {
  return `n${String(1_440_764 + label * 17).padStart(8, '0')}_${String(image).padStart(4, '0')}.JPEG`;
}

/** An image is learned at some time, forgotten for a while now and then, and hit by incidents. */
function outcomesOf(label: number, count: number): Uint8Array {
  const ofClass = generator(`class ${label}`);
  const hard = ofClass() ** 1.6;
  const outcomes = new Uint8Array(count * DUMPS);
  for (let image = 0; image < count; image += 1) {
    const random = generator(`outcome ${label} ${image}`);
    const learned = 10 + 700 * (0.15 + hard) * random() ** 2.2;
    const never = random() < 0.05 + 0.3 * hard * hard;
    let left = 0;
    let state = 0;
    for (let dump = 0; dump < DUMPS; dump += 1) {
      left -= 1;
      if (left <= 0) {
        const chance = never ? 0.06 : 0.93 / (1 + Math.exp((learned - dump) / 26));
        state = random() < chance ? 1 : 0;
        // While the rate is high, images come and go.
        const calm = plainRateAt(dump) < 0.05 ? 60 : 7;
        left = Math.ceil(-Math.log(1 - random()) * calm);
      }
      outcomes[image * DUMPS + dump] = state;
    }
    strike(outcomes.subarray(image * DUMPS, (image + 1) * DUMPS), label, random);
  }
  return outcomes;
}

function strike(states: Uint8Array, label: number, random: () => number): void {
  for (const { dump, classes, lasts, size } of INCIDENTS) {
    if (!classes.includes(label) || random() > 0.2 + size / 20) continue;
    // Long stretches on both sides, so that the break is one by any rule.
    const before = lasts === null ? 0 : 1;
    const stretch = () => LEAST_STRETCH + Math.floor(60 * random());
    states.fill(before, Math.max(0, dump - stretch()), dump);
    const until = lasts === null ? DUMPS : dump + lasts;
    states.fill(1 - before, dump, Math.min(until, dump + stretch()));
    if (lasts !== null) states.fill(before, until, until + stretch());
  }
}

/** The published rule: a state of `runLength` + 1 passes that ends, or one that begins. */
export function countBreaks(
  states: Uint8Array,
  runLength: number,
  left: Int32Array,
  right: Int32Array,
): void {
  let start = 0;
  for (let pass = 1; pass <= states.length; pass += 1) {
    if (pass < states.length && states[pass] === states[start]) continue;
    const long = pass - start >= runLength + 1;
    if (long && pass < states.length) add(left, pass, 1);
    if (long && start > 0) add(right, start, 1);
    start = pass;
  }
}

function breaksAt(value: TrainingClasses, at: number): number {
  return Math.max(value.left[at] as number, value.right[at] as number);
}

function sum(one: number, other: number): number {
  return one + other;
}

function rowsBy(
  rows: number,
  columns: number,
  valueAt: (at: number) => number,
  join: (one: number, other: number) => number,
): Float64Array {
  return Float64Array.from({ length: rows }, (_, row) => {
    let total = 0;
    for (let at = row * columns; at < (row + 1) * columns; at += 1) {
      total = join(total, valueAt(at));
    }
    return total;
  });
}

/** Indices by ascending value. */
function ordered(values: Float64Array): Int32Array {
  return Int32Array.from(values.keys()).sort(
    (one, other) => (values[one] as number) - (values[other] as number),
  );
}
