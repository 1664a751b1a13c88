/** The time axis below the rows of a chart. */
import { stepTicks } from '../scales/step-ticks';
import { GUTTER, type StepScale } from '../scales/steps';
import { escaped, short, type Token } from './svg-document';

export const STEPS_AXIS_HEIGHT = 26;

const TICK = 4;
const BASELINE = 18;

/** `top` is the lower end of the rows, `word` what the axis counts. */
export function stepsAxis(scale: StepScale, word: string, top: number, token: Token): string {
  const stroke = `stroke="${token('--border-strong')}"`;
  const line = top + 2;
  const text = `y="${top + BASELINE}" font-size="11"`;
  return [
    `<line x1="${GUTTER}" x2="${short(GUTTER + scale.width)}" y1="${line}" y2="${line}" ${stroke}/>`,
    `<text x="${GUTTER - 8}" ${text} text-anchor="end">${escaped(word)}</text>`,
    ...stepTicks(scale).map(({ x, label }) => {
      const at = short(GUTTER + x);
      return `<line x1="${at}" x2="${at}" y1="${line}" y2="${line + TICK}" ${stroke}/><text x="${at}" ${text} text-anchor="middle">${label}</text>`;
    }),
  ].join('');
}
