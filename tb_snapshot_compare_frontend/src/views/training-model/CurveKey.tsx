import type { JSX } from 'preact';
import { RUN_SHAPES } from '../../elements/RunMark';
import type { LaneCurve } from './lanes';

interface CurveKeyProps extends Pick<LaneCurve, 'role' | 'beside'> {
  readonly width: number;
}

/** A piece of a curve, as its chart draws it. */
export function CurveKey({ role, beside, width }: CurveKeyProps): JSX.Element {
  return (
    <svg width={width} height="10" aria-hidden="true" data-beside={beside ? '' : undefined}>
      <line class="model-curve" data-role={role} x1="0" y1="5" x2={width} y2="5" />
      {beside && (
        <path class="model-mark" d={RUN_SHAPES.other} transform={`translate(${width / 2} 5)`} />
      )}
    </svg>
  );
}
