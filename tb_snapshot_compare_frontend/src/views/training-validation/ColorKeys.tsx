/** What the colours of strips and cells mean. */
import type { JSX } from 'preact';
import { accuracyColors } from '../../scales/accuracy';
import { formatFraction } from '../../scales/format';
import { imageShade } from '../../state/training';
import * as model from './model';
import { cellColors } from './palette';

/** Enough that the browser's own interpolation between stops cannot be seen. */
const RAMP_STOPS = 9;

/** Of strips: both halves, with what lies between them named. */
export function AccuracyKey(): JSX.Element {
  const [wrong, correct] = halves();
  const ends = [0, 0.5, 1].map((value) => formatFraction(value));
  const [none, half, all] = ends;
  return (
    <span
      class="validation-key tabular"
      role="img"
      aria-label={`Colour scale, accuracy: ${ends.join(', ')}`}
    >
      Accuracy {none}
      <Ramp colors={wrong} />
      {half}
      <Ramp colors={correct} />
      {all}
    </span>
  );
}

/** Of the cells of an opened class. */
export function CellKey(): JSX.Element {
  const { wrong, correct, unknown } = cellColors(model.theme.value);
  if (imageShade.value === 'outcome') {
    return (
      <span class="validation-key">
        <i style={{ background: correct }} /> correct
        <i style={{ background: wrong }} /> wrong
        <i style={{ background: unknown }} /> unknown
      </span>
    );
  }
  const [less, more] = halves();
  return (
    <span class="validation-key tabular" title="The probability of the true class">
      <span class="muted">True class, where wrong: {formatFraction(0)}</span>
      <Ramp colors={less} />
      <span class="muted">
        {formatFraction(0.5)}; where correct: {formatFraction(0)}
      </span>
      <Ramp colors={more} />
      <span class="muted">{formatFraction(1)}</span>
      <i style={{ background: unknown }} /> unknown
    </span>
  );
}

function halves(): readonly [readonly string[], readonly string[]] {
  const colors = accuracyColors(model.theme.value);
  const half = colors.length / 2;
  return [colors.slice(0, half), colors.slice(half)];
}

function Ramp({ colors }: { readonly colors: readonly string[] }): JSX.Element {
  const stops = Array.from({ length: RAMP_STOPS }, (_, stop) => {
    return colors[Math.round((stop / (RAMP_STOPS - 1)) * (colors.length - 1))];
  });
  return (
    <i
      class="validation-key-ramp"
      style={{ background: `linear-gradient(90deg, ${stops.join(',')})` }}
    />
  );
}
