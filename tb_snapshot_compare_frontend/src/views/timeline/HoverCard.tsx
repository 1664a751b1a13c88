import type { RefObject } from 'preact';
import { formatTime } from '../../elements/snapshot-words';
import { Tooltip } from '../../elements/Tooltip';
import { formatNumber } from '../../scales/format';
import type { Axis } from '../../state/selection';
import type { Side } from '../../state/snapshots';
import { laneValue } from './drawing';
import { curveReach, type Geometry, markUnder } from './geometry';
import { type Lane, type Mark, type MarkState, pointNear, STATE_WORDS } from './model';

export interface HoverCardProps {
  readonly drawing: RefObject<SVGSVGElement | null>;
  readonly geometry: Geometry;
  readonly marks: readonly Mark[];
  readonly lanes: readonly Lane[];
  readonly axis: Axis;
  readonly position: number | null;
  readonly dragging: Side | null;
}

/** What lies under the pointer: a snapshot, and the values of the curves. */
export function HoverCard(props: HoverCardProps) {
  const { drawing, geometry, marks, lanes, axis, position, dragging } = props;
  const frame = drawing.current?.getBoundingClientRect();
  if (position === null || !frame) return null;
  const mark = markUnder(marks, geometry, position);
  const place = mark?.position ?? position;
  const reach = curveReach(geometry);
  const values = lanes.flatMap((lane) =>
    lane.curves.map(({ label, role, curve }) => ({
      key: `${lane.kind} ${label}`,
      role,
      value: laneValue(lane.kind, pointNear(curve, place, reach)?.y ?? null),
    })),
  );
  const anchor = {
    x: frame.left + geometry.x(place),
    y: frame.top,
    width: 0,
    height: frame.height,
  };
  return (
    <Tooltip anchor={anchor}>
      <div class="timeline-card">
        {dragging && <span class="muted">Move {dragging} to </span>}
        <strong>{mark ? mark.snapshot.label : placeWord(axis, place)}</strong>
        {mark && <SnapshotLines mark={mark} />}
        {values.length > 0 && (
          <dl class="tabular">
            {values.map(({ key, role, value }) => (
              <div key={key}>
                <dt>
                  <svg width="14" height="8" aria-hidden="true">
                    <line class="curve" data-role={role} x1="0" y1="4" x2="14" y2="4" />
                  </svg>
                  {key}
                </dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
        )}
      </div>
    </Tooltip>
  );
}

const MORE: Readonly<Partial<Record<MarkState, string>>> = {
  replaced: 'its file was written anew while it was chosen',
  gone: 'its results stay on show',
};

function SnapshotLines({ mark: { snapshot, state } }: { readonly mark: Mark }) {
  const more = MORE[state] ?? snapshot.reason;
  return (
    <div class="muted">
      {snapshot.name} · {formatTime(snapshot.modified)}
      {state !== 'ready' && (
        <div class="timeline-reason" data-state={state}>
          {STATE_WORDS[state]}
          {more && `: ${more}`}
        </div>
      )}
    </div>
  );
}

function placeWord(axis: Axis, place: number): string {
  return axis === 'time' ? formatTime(place) : `${axis} ${formatNumber(Math.round(place), 12)}`;
}
