/** What lies at a place of the rows, to be read out. */
import { formatCount, formatFraction } from '../../scales/format';
import { anomalyRule } from '../../state/training';
import { otherTitle, ownTitle } from '../../state/training-pair';
import type { Cursor } from './cursor';
import type { Line } from './lines';
import * as model from './model';
import { contentKind, contentOf, pairAt } from './pairs';
import { anomalyWords, errorWords } from './words';

export function placeWords(line: Line, { pass, row }: Cursor): string {
  const at = model.axisOf(line).passes[pass] ?? null;
  const step = `step ${formatCount(at)}`;
  if (line.kind === 'images' && row !== null) return imageWords(line.index, row, pass, step);
  const marks = model.shownMarks(line).filter((mark) => mark.pass === pass);
  const { runLength } = anomalyRule.value;
  const whole = contentKind(line) === 'model';
  const of = whole ? null : model.lineName(line);
  const sentences = marks.map(({ side, count }) => anomalyWords({ side, count, of, runLength }));
  const value = `${step}: ${errorWords(model.errorOf(line)?.[pass])}`;
  return [value, ...besideWords(line, at), ...sentences].join('. ');
}

/** The same row of the other run, at this step. */
function besideWords(line: Line, step: number | null): readonly string[] {
  const of = contentOf(line);
  if (of === null || step === null) return [];
  const { own, other } = pairAt(of, step);
  const [name, value] = line.kind === 'other' ? [ownTitle.value, own] : [otherTitle.value, other];
  return [`${name}: ${value ? errorWords(value.error) : 'no pass here'}`];
}

function imageWords(index: number, row: number, pass: number, step: string): string {
  const found = model.imageAt(index, row, pass);
  if (!found || found.predicted < 0) return `${step}: not known`;
  const outcome = found.predicted === index ? 'correct' : 'wrong';
  const predicted = `predicted ${model.className(found.predicted)}, ${outcome}`;
  return `${step}: ${predicted}; true class ${formatFraction(found.probability)}`;
}
