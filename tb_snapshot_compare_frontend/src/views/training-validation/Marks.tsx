import type { JSX } from 'preact';
import { anomalyRule } from '../../state/training';
import { knownPasses, type Side } from './anomalies';
import type { Line } from './lines';
import * as model from './model';
import { marksPath, placeMarks } from './triangles';

/** The anomaly marks of a line: above its strip filled, below it hollow. */
export function Marks({ line }: { readonly line: Line }): JSX.Element | null {
  const width = model.chartWidth.value;
  const marks = placeMarks(model.marksOf(line), model.axisOf(line).columns, width);
  const whole = line.kind === 'model' || (line.kind === 'other' && line.of.kind === 'model');
  if (marks.length === 0 && !whole) return null;
  return (
    <svg
      class="validation-marks"
      width={width}
      height={line.chartHeight}
      style={{ top: `${line.chartTop}px` }}
      aria-hidden="true"
    >
      <path class="validation-mark-left" d={marksPath(marks, 'left')} />
      <path
        class="validation-mark-right"
        d={marksPath(marks, 'right')}
        transform={`translate(0 ${line.chartHeight})`}
      />
      {whole && <Blind line={line} />}
    </svg>
  );
}

/** Where no mark can be known, since no run fits before it, or after it yet. */
function Blind({ line }: { readonly line: Line }): JSX.Element | null {
  const { runLength } = anomalyRule.value;
  const { x } = model.scale.value;
  const { passes: steps } = model.axisOf(line);
  const height = line.chartHeight;
  const at = (pass: number) => {
    const step = steps[pass];
    return step === undefined ? null : Math.min(model.chartWidth.value, Math.max(0, x(step)));
  };
  const [first] = knownPasses('left', runLength, steps.length);
  const [, end] = knownPasses('right', runLength, steps.length);
  const [begins, ends] = [at(first), at(end)];
  const width = model.chartWidth.value;
  return (
    <>
      <line class="validation-blind" x1={0} x2={begins ?? width} y1={-3} y2={-3} />
      {ends !== null && runLength > 0 && (
        <line class="validation-blind" x1={ends} x2={width} y1={height + 3} y2={height + 3} />
      )}
    </>
  );
}

/** The shape of a mark, in a text. */
export function MarkKey({ side }: { readonly side: Side }): JSX.Element {
  return (
    <svg class="validation-mark-shape" width="14" height="9" aria-hidden="true">
      {side === 'left' ? (
        <path class="validation-mark-left" d="M1 1h12L7 8Z" />
      ) : (
        <path class="validation-mark-right" d="M1 8h12L7 1Z" />
      )}
    </svg>
  );
}
