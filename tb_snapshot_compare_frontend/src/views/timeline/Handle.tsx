import type { Side } from '../../state/snapshots';
import type { Geometry } from './geometry';
import type { Mark } from './model';

const FLAG = 18;
/** Leaves room for the focus ring. */
const FLAG_TOP = 4;

export interface HandleProps {
  readonly side: Side;
  readonly mark: Mark;
  /** Among the snapshots that can be chosen, which the slider counts. */
  readonly index: number;
  readonly count: number;
  readonly geometry: Geometry;
  readonly onKeyDown: (event: KeyboardEvent) => void;
  readonly onBlur: () => void;
}

/** A line through the lanes with a flag: a's to the left, b's to the right, so both fit one place. */
export function Handle({ side, mark, index, count, geometry, onKeyDown, onBlur }: HandleProps) {
  const { axisY, trackY, x } = geometry;
  const left = side === 'a' ? -FLAG : 0;
  return (
    <g
      class="timeline-handle"
      data-handle={side}
      data-side={side}
      transform={`translate(${x(mark.position)} 0)`}
      role="slider"
      tabIndex={0}
      aria-label={`Snapshot ${side}`}
      aria-valuemin={0}
      aria-valuemax={Math.max(0, count - 1)}
      aria-valuenow={Math.max(0, index)}
      aria-valuetext={mark.snapshot.label}
      onKeyDown={onKeyDown}
      onBlur={onBlur}
    >
      <rect class="handle-reach" x={left - 3} y={0} width={FLAG + 6} height={axisY} />
      <line y1={0} y2={axisY} />
      <circle cy={trackY} r={4.5} />
      <rect class="handle-flag" x={left} y={FLAG_TOP} width={FLAG} height={FLAG} rx={3} />
      <text x={left + FLAG / 2} y={FLAG_TOP + 13} text-anchor="middle">
        {side}
      </text>
      <rect
        class="handle-focus"
        data-export="skip"
        x={left - 3}
        y={FLAG_TOP - 3}
        width={FLAG + 6}
        height={FLAG + 6}
        rx={5}
      />
    </g>
  );
}
