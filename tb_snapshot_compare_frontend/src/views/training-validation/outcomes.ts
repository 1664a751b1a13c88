/** What became of the images of a class at each pass, as numbers that colours stand for. */
import type { TrainingImages } from '../../client/types';
import type { ImageShade } from '../../state/training';
import type { Side } from './anomalies';

/**
 * Images x `columns`, rows in the order of the server, NaN where nothing was predicted. Outcome: 1 is
 * correct, 0 is wrong. Probability: from 0.5 up correct, darker with the probability of the true
 * class; below wrong, darker with less of it (which is at most a half then).
 */
export function cellValues(
  { predicted, probability, order }: TrainingImages,
  label: number,
  shade: ImageShade,
  columns = passesOf(predicted, order.length),
): Float32Array {
  const passes = passesOf(predicted, order.length);
  const values = new Float32Array(order.length * columns).fill(Number.NaN);
  order.forEach((image, row) => {
    for (let pass = 0; pass < Math.min(passes, columns); pass += 1) {
      const at = image * passes + pass;
      values[row * columns + pass] = cellValue(
        predicted[at] as number,
        probability[at] as number,
        label,
        shade,
      );
    }
  });
  return values;
}

function cellValue(
  predicted: number,
  probability: number,
  label: number,
  shade: ImageShade,
): number {
  if (predicted < 0) return Number.NaN;
  const correct = predicted === label;
  if (shade === 'outcome') return correct ? 1 : 0;
  if (Number.isNaN(probability)) return Number.NaN;
  return correct ? 0.5 + probability / 2 : Math.min(0.5, probability);
}

export function passesOf(predicted: Int32Array, images: number): number {
  return images === 0 ? 0 : predicted.length / images;
}

export interface Prediction {
  /** -1 where it is not known. */
  readonly predicted: number;
  /** Of the true class, NaN where it is not known. */
  readonly probability: number;
}

/** `place` as the answer numbers its images, not by row. */
export function predictionAt(images: TrainingImages, place: number, pass: number): Prediction {
  const passes = passesOf(images.predicted, images.order.length);
  const at = pass < passes ? place * passes + pass : -1;
  return {
    predicted: images.predicted[at] ?? -1,
    probability: images.probability[at] ?? Number.NaN,
  };
}

/** Images that changed at a pass with a lasting state before it (or after it), by what they became. */
export interface Turned {
  readonly correct: number;
  readonly wrong: number;
}

/** The images that an anomaly count counts, told apart. */
export function turnedAt(
  { predicted, image }: TrainingImages,
  label: number,
  pass: number,
  side: Side,
  runLength: number,
): Turned {
  const passes = passesOf(predicted, image.length);
  const turned = { correct: 0, wrong: 0 };
  for (let row = 0; row < image.length; row += 1) {
    const series = predicted.subarray(row * passes, (row + 1) * passes);
    if (!turns(series, label, pass, side, runLength)) continue;
    if (series[pass] === label) turned.correct += 1;
    else turned.wrong += 1;
  }
  return turned;
}

/** Left: `pass` differs from each of the d + 1 before it. Right: the one before it from each of d + 1. */
function turns(
  series: Int32Array,
  label: number,
  pass: number,
  side: Side,
  runLength: number,
): boolean {
  const first = side === 'left' ? pass - 1 - runLength : pass;
  const last = side === 'left' ? pass - 1 : pass + runLength;
  const odd = side === 'left' ? pass : pass - 1;
  if (first < 0 || last >= series.length || odd < 0) return false;
  if ((series[odd] as number) < 0) return false;
  const correct = series[odd] === label;
  for (let at = first; at <= last; at += 1) {
    const predicted = series[at] as number;
    if (predicted < 0 || (predicted === label) === correct) return false;
  }
  return true;
}
