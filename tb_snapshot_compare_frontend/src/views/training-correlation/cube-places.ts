/** What of the cube is at a place, and what it says. */
import type { Correlation } from '../../client/types';
import { stepWords } from '../../elements/axis-words';
import { formatFraction, formatNumber } from '../../scales/format';
import { stepAt } from '../../scales/steps';
import { latest } from '../../state/resources';
import * as state from '../../state/training';
import { miniSetSeries, trainingClasses } from '../../state/training-data';
import * as cube from './cube-model';
import { faceAt, type Point } from './cube-projection';
import { columnAt, type Layout, rowAt } from './layout';
import * as model from './model';
import { type Place, placeAt } from './places';
import { wordsOf } from './words';

export interface CubePlace {
  readonly layer: string | null;
  readonly classIndex: number | null;
  readonly step: number | null;
  /** On the right face. */
  readonly place: Place | null;
  readonly words: model.Words;
}

export function cubePlaceAt(known: Correlation, layout: Layout, point: Point): CubePlace | null {
  const found = faceAt(cube.projection.value, cube.size.value, point);
  if (found === null) return null;
  const [x, y] = found.at;
  switch (found.face) {
    case 'right': {
      const place = placeAt(known, layout, x, y);
      return place && ofPlace(known, place);
    }
    case 'front':
      return ofFront(known, layout, x, y);
    default:
      return ofTop(layout, x, y);
  }
}

export function ofPlace(known: Correlation, place: Place): CubePlace {
  return {
    layer: known.rows[place.row]?.layer ?? null,
    classIndex: known.classes[place.classPlace] ?? null,
    step: place.column === null ? null : (known.columns[place.column]?.step ?? null),
    place,
    words: wordsOf(known, place),
  };
}

function ofFront(known: Correlation, layout: Layout, x: number, y: number): CubePlace | null {
  const row = rowAt(layout, y);
  const step = stepAt(state.dumps.value, cube.scale.value, x);
  if (row === null || step === null) return null;
  const set = row.sets.find(({ top, height }) => y >= top && y < top + height);
  const filters = set ? known.rows[row.row]?.sets[set.index]?.filters : undefined;
  const filter = set ? filters?.[Math.floor((y - set.top) / layout.filter)] : undefined;
  const base = { layer: row.layer, classIndex: null, step, place: null };
  if (filter === undefined) {
    return { ...base, words: { title: row.layer, lines: [stepWords(step)] } };
  }
  const series = latest(miniSetSeries.value.get(row.layer) ?? { status: 'idle' });
  const place = series?.filters.indexOf(filter) ?? -1;
  const value = place < 0 ? null : series?.values[place * state.dumps.value.length + indexOf(step)];
  const cosine = `cosine similarity ${formatNumber(value ?? null, 5)} to the dump before`;
  const title = `${row.layer} · filter ${filter}`;
  return { ...base, words: { title, lines: [stepWords(step), cosine] } };
}

function indexOf(step: number): number {
  return state.dumps.value.indexOf(step);
}

function ofTop(layout: Layout, x: number, depth: number): CubePlace | null {
  const column = columnAt(layout, depth);
  const step = stepAt(state.passes.value, cube.scale.value, x);
  if (column === null || step === null) return null;
  const { classIndex } = column;
  const answer = latest(trainingClasses.value);
  const passes = answer?.modelError.length ?? 0;
  const pass = state.passes.value.indexOf(step);
  const error = answer?.error[classIndex * passes + pass] ?? null;
  const lines = [stepWords(step), `error ${formatFraction(error)}`];
  const words = { title: model.className(classIndex), lines };
  return { layer: null, classIndex, step, place: null, words };
}
