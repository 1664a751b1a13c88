import { useMemo } from 'preact/hooks';
import { formatFraction, formatNumber } from '../../scales/format';
import type { Axis } from '../../state/selection';
import {
  crossesPath,
  curvePath,
  type Geometry,
  GUTTER_LEFT,
  GUTTER_RIGHT,
  type LaneBox,
  markRadius,
  marksPath,
} from './geometry';
import type { LaneKind, Mark } from './model';

export function TimeAxis({ geometry, axis }: { readonly geometry: Geometry; readonly axis: Axis }) {
  const { axisY, ticks, width, height } = geometry;
  return (
    <g class="timeline-axis">
      {ticks.map((tick) => (
        <g key={tick.x} transform={`translate(${tick.x} 0)`}>
          <line y1={0} y2={axisY} />
          <text y={axisY + 14} text-anchor="middle">
            {tick.label}
          </text>
        </g>
      ))}
      <text class="timeline-axis-title" x={GUTTER_LEFT - 12} y={height - 6} text-anchor="end">
        {axis}
      </text>
      <line
        class="timeline-base"
        x1={GUTTER_LEFT}
        x2={width - GUTTER_RIGHT}
        y1={axisY}
        y2={axisY}
      />
    </g>
  );
}

export function Curves({ geometry }: { readonly geometry: Geometry }) {
  return (
    <>
      {geometry.lanes.map((box) => (
        <LaneCurves key={box.lane.kind} geometry={geometry} box={box} />
      ))}
    </>
  );
}

function LaneCurves({ geometry, box }: { readonly geometry: Geometry; readonly box: LaneBox }) {
  const { lane, top, bottom, y } = box;
  const [low = 0, high = 1] = y.domain();
  const paths = useMemo(
    () => lane.curves.map(({ curve }) => curvePath(curve, geometry, y)),
    [lane, geometry, y],
  );
  return (
    <g>
      <g class="timeline-lane">
        <line
          x1={GUTTER_LEFT}
          x2={geometry.width - GUTTER_RIGHT}
          y1={bottom + 0.5}
          y2={bottom + 0.5}
        />
        <text x={12} y={(top + bottom) / 2 + 4}>
          {lane.kind === 'loss' ? 'loss' : 'acc.'}
        </text>
        <text x={GUTTER_LEFT - 12} y={top + 8} text-anchor="end">
          {laneValue(lane.kind, high)}
        </text>
        <text x={GUTTER_LEFT - 12} y={bottom + 2} text-anchor="end">
          {laneValue(lane.kind, low)}
        </text>
      </g>
      {lane.curves.map(({ role, curve }, index) => (
        <path
          key={`${curve.run}/${curve.tag}`}
          class="curve"
          data-role={role}
          data-single={curve.x.length === 1 ? '' : undefined}
          d={paths[index]}
          fill="none"
        />
      ))}
    </g>
  );
}

/** Accuracy is a share; loss has no unit. */
export function laneValue(kind: LaneKind, value: number | null): string {
  const share = kind === 'accuracy' && value !== null && value >= 0 && value <= 1;
  return share ? formatFraction(value) : formatNumber(value);
}

export function Marks({
  geometry,
  marks,
}: {
  readonly geometry: Geometry;
  readonly marks: readonly Mark[];
}) {
  const { trackY, width } = geometry;
  const paths = useMemo(() => {
    const of = (state: string) => marks.filter(({ snapshot }) => snapshot.state === state);
    const radius = markRadius(marks, width);
    return {
      ready: marksPath(of('ready'), geometry, radius),
      written: marksPath(of('being_written'), geometry, Math.max(2.5, radius)),
      broken: crossesPath(of('broken'), geometry, Math.max(2.5, radius)),
    };
  }, [marks, geometry, width]);
  return (
    <g class="timeline-marks">
      <text x={12} y={trackY + 4}>
        snapshots
      </text>
      <line
        class="timeline-track"
        x1={GUTTER_LEFT}
        x2={width - GUTTER_RIGHT}
        y1={trackY}
        y2={trackY}
      />
      <path class="mark-ready" d={paths.ready} />
      <path class="mark-written" d={paths.written} />
      <path class="mark-broken" d={paths.broken} />
    </g>
  );
}
