import { useMemo } from 'preact/hooks';
import { formatFraction, formatNumber, tickFormat } from '../../scales/format';
import type { Axis } from '../../state/selection';
import {
  crossesPath,
  curvePath,
  curveReach,
  type Geometry,
  GUTTER_LEFT,
  GUTTER_RIGHT,
  type LaneBox,
  markRadius,
  marksPath,
} from './geometry';
import { type LaneKind, type Mark, type MarkState, pointNear } from './model';

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
      <text class="timeline-axis-title" x={GUTTER_LEFT - 8} y={height - 6} text-anchor="end">
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
  const { lane, top, bottom, y, ticks } = box;
  const label = valueFormat(lane.kind, ticks);
  const paths = useMemo(
    () => lane.curves.map(({ curve }) => curvePath(curve, geometry, y)),
    [lane, geometry, y],
  );
  return (
    <g>
      <g class="timeline-lane">
        <text x={12} y={(top + bottom) / 2 + 4}>
          {lane.kind}
        </text>
        {ticks.map((tick) => (
          <g key={tick} transform={`translate(0 ${Math.round(y(tick))})`}>
            <line x1={GUTTER_LEFT} x2={geometry.width - GUTTER_RIGHT} y1={0.5} y2={0.5} />
            <text x={GUTTER_LEFT - 8} y={4} text-anchor="end">
              {label(tick)}
            </text>
          </g>
        ))}
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

/** The values of the curves at a place of the axis, as dots on them. */
export function CurveDots({
  geometry,
  position,
}: {
  readonly geometry: Geometry;
  readonly position: number;
}) {
  const reach = curveReach(geometry);
  return (
    <g data-export="skip">
      {geometry.lanes.flatMap(({ lane, y }) =>
        lane.curves.map(({ role, curve }) => {
          const point = pointNear(curve, position, reach);
          return (
            point && (
              <circle
                key={`${curve.run}/${curve.tag}`}
                class="curve-dot"
                data-role={role}
                cx={geometry.x(point.x)}
                cy={y(point.y)}
                r={3}
              />
            )
          );
        }),
      )}
    </g>
  );
}

/** Labels of an axis of equal steps. */
function valueFormat(kind: LaneKind, ticks: readonly number[]): (tick: number) => string {
  if (kind === 'loss' || ticks.some((tick) => tick < 0 || tick > 1)) return tickFormat(ticks);
  const percent = tickFormat(ticks.map((tick) => 100 * tick));
  return (tick) => `${percent(100 * tick)}\u00a0%`;
}

/** Accuracy is a share; loss has no unit. */
export function laneValue(kind: LaneKind, value: number | null): string {
  const share = kind === 'accuracy' && value !== null && value >= 0 && value <= 1;
  return share ? formatFraction(value) : formatNumber(value);
}

/** Around the dot of a or b, which covers what is no larger. */
const RING = 7;

export interface MarksProps {
  readonly geometry: Geometry;
  readonly marks: readonly Mark[];
  /** Those with a handle on them. */
  readonly held: readonly (Mark | null)[];
}

export function Marks({ geometry, marks, held }: MarksProps) {
  const { trackY, width } = geometry;
  const [a = null, b = null] = held;
  const paths = useMemo(() => {
    const of = (...states: MarkState[]) => marks.filter(({ state }) => states.includes(state));
    const written = of('being_written');
    const isHeld = (mark: Mark) => mark === a || mark === b;
    const radius = markRadius(marks, width);
    const large = Math.max(2.5, radius);
    return {
      ready: marksPath(of('ready', 'replaced'), geometry, radius),
      written:
        marksPath(
          written.filter((mark) => !isHeld(mark)),
          geometry,
          large,
        ) + marksPath(written.filter(isHeld), geometry, RING),
      broken: crossesPath(of('broken'), geometry, large),
      replaced: marksPath(of('replaced'), geometry, RING),
      gone: marksPath(of('gone'), geometry, RING),
    };
  }, [marks, geometry, width, a, b]);
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
      <path class="mark-replaced" d={paths.replaced} />
      <path class="mark-gone" d={paths.gone} />
    </g>
  );
}
