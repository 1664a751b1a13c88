import type { JSX } from 'preact';
import { useId } from 'preact/hooks';
import { RUN_SHAPES } from '../../elements/RunMark';
import { GUTTER, MARGIN } from '../../scales/steps';
import { curveHeight } from '../../state/training';
import type { DrawnCurve, ValueAxis } from './curve-geometry';
import type { Point } from './cut-line';
import type { Lane } from './lanes';
import { width } from './model';

export interface CurveChartProps {
  readonly lane: Lane;
  readonly axis: ValueAxis;
  /** One for each curve of the lane. */
  readonly drawn: readonly DrawnCurve[];
  /** Places of marks, for each curve. */
  readonly marked: readonly (readonly Point[])[];
}

/** The curves of training and of validation over each other. */
export function CurveChart({ lane, axis, drawn, marked }: CurveChartProps): JSX.Element {
  const height = curveHeight.value;
  const clip = useId();
  const across = width.value;
  return (
    <svg
      class="model-chart"
      data-kind={lane.kind}
      width={GUTTER + across + MARGIN}
      height={height}
      aria-hidden="true"
    >
      <text class="model-name" x={12} y={height / 2 + 4}>
        {lane.kind === 'loss' ? 'Loss' : 'Error'}
      </text>
      {axis.ticks.map((tick) => (
        <g key={tick} transform={`translate(0 ${Math.round(axis.y(tick)) + 0.5})`}>
          <line class="model-grid" x1={GUTTER} x2={GUTTER + across} />
          <text x={GUTTER - 8} y={4} text-anchor="end">
            {axis.label(tick)}
          </text>
        </g>
      ))}
      <clipPath id={clip}>
        <rect x={0} y={0} width={across} height={height} />
      </clipPath>
      <g transform={`translate(${GUTTER} 0)`} clip-path={`url(#${clip})`}>
        {lane.curves.map(({ role, label, beside, x }, index) => (
          <g key={label} data-beside={beside ? '' : undefined}>
            <path
              class="model-curve"
              data-role={role}
              data-single={x.length === 1 ? '' : undefined}
              d={drawn[index]?.path}
              fill="none"
            />
            {drawn[index]?.beyond && <path class="model-beyond" d={drawn[index].beyond} />}
            {marked[index]?.map(([left, top]) => (
              <path
                key={left}
                class="model-mark"
                d={RUN_SHAPES.other}
                transform={`translate(${left.toFixed(1)} ${top.toFixed(1)})`}
              />
            ))}
          </g>
        ))}
      </g>
    </svg>
  );
}
