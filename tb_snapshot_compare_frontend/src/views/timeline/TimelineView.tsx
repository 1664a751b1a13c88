import { useMemo, useRef } from 'preact/hooks';
import type { Snapshot } from '../../client/types';
import { Panel } from '../../elements/Panel';
import { Select } from '../../elements/Select';
import { SideBadge } from '../../elements/SideBadge';
import { toCsv } from '../../render/csv';
import { inlineSvg } from '../../render/export';
import { headedSvg } from '../../render/headed-svg';
import { formatCount } from '../../scales/format';
import { curves, latest, listing } from '../../state/resources';
import { type Axis, a, axis, b, run } from '../../state/selection';
import { lastReady, rewritten, runs, runTitle, shownRun } from '../../state/snapshots';
import { trend } from '../../state/trend';
import { adoptStyles } from '../../theme/styles';
import { CurveKey, ROLE_DASHES, rolesOf } from './CurveKey';
import {
  chooseAxis,
  domainOf,
  ghostsOf,
  knownAxes,
  type Lane,
  lanesOn,
  marksOn,
  missingCurvesNote,
  type Role,
} from './model';
import { StateKey } from './StateKey';
import { TimelinePlot } from './TimelinePlot';
import { TrendStrip } from './TrendStrip';
import css from './timeline.css?inline';
import { timelineRows } from './timeline-csv';
import { cellsOn } from './trend-model';

adoptStyles(css);

const AXIS_LABELS: Readonly<Record<Axis, string>> = { epoch: 'Epoch', step: 'Step', time: 'Time' };

/** Every snapshot of a run below the run's own loss and accuracy; a and b are dragged on it. */
export function TimelineView() {
  const drawing = useRef<SVGSVGElement>(null);
  const shown = shownRun.value;
  const snapshots = shown?.snapshots ?? [];
  const current = chooseAxis(axis.value, snapshots);
  const logged = latest(curves.value);
  const ofRun = logged?.run === shown?.name ? logged : null;
  const gone = useMemo(
    () => ghostsOf(shown?.name, snapshots, [...lastReady.value.values()]),
    [shown?.name, snapshots, lastReady.value],
  );
  const marks = useMemo(
    () => marksOn(current, snapshots, gone, rewritten.value),
    [current, snapshots, gone, rewritten.value],
  );
  const lanes = useMemo(() => lanesOn(current, ofRun), [current, ofRun]);
  const past = useMemo(
    () => cellsOn(current, trend.value).flatMap(({ from, to }) => [from, to]),
    [current, trend.value],
  );
  const domain = useMemo(() => domainOf(marks, lanes, past), [marks, lanes, past]);
  const failure = curves.value.status === 'failed' ? curves.value.failure.message : null;
  const title = shown ? runTitle(shown.name, latest(listing.value)) : '';
  const note = failure ?? missingCurvesNote(current, ofRun);
  return (
    <Panel
      id="timeline"
      title="Timeline"
      subtitle={subtitle(snapshots.length, snapshots.length + gone.length - marks.length, current)}
      toolbar={
        <>
          <CurveKey lanes={lanes} />
          <StateKey marks={marks} />
          {note && <span class="muted">{note}</span>}
          <Elsewhere gone={gone} />
          <RunSelect />
          <AxisSelect current={current} known={knownAxes(snapshots)} />
        </>
      }
      exports={{
        name: `timeline-${title}`,
        svg: () => svgText(drawing.current, title, lanes),
        csv: () => toCsv(timelineRows(snapshots, ofRun, trend.value)),
      }}
    >
      <div class="timeline-stack">
        <TimelinePlot
          drawing={drawing}
          marks={marks}
          lanes={lanes}
          axis={current}
          domain={domain}
        />
        <TrendStrip axis={current} domain={domain} />
      </div>
    </Panel>
  );
}

function svgText(drawing: SVGSVGElement | null, title: string, lanes: readonly Lane[]): string {
  if (drawing === null) throw new Error('the timeline is not drawn');
  const roles = rolesOf(lanes);
  const stroke = (role: Role) => {
    const curve = drawing.querySelector(`.curve[data-role="${role}"]`);
    return curve ? getComputedStyle(curve).stroke : 'currentColor';
  };
  return headedSvg(inlineSvg(drawing), {
    title: `Timeline of ${title}`,
    legend: '',
    swatches: roles.map((role) => ({
      color: stroke(role),
      label: role,
      dashes: ROLE_DASHES[role],
    })),
  });
}

function subtitle(total: number, without: number, current: Axis): string {
  const count = total === 1 ? '1 snapshot' : `${formatCount(total)} snapshots`;
  return without === 0 ? count : `${count}, ${formatCount(without)} without ${current}`;
}

function RunSelect() {
  const all = runs.value;
  const shown = shownRun.value;
  if (all.length < 2 || !shown) return null;
  const options = all.map(({ name, snapshots }) => {
    const held = (['a', 'b'] as const).filter((side) =>
      snapshots.some(({ id }) => id === (side === 'a' ? a : b).value),
    );
    const title = runTitle(name, latest(listing.value));
    return { value: name, label: held.length > 0 ? `${title} (${held.join(', ')})` : title };
  });
  return (
    <Select
      label="Run"
      value={shown.name}
      options={options}
      onChange={(name) => {
        run.value = name;
      }}
    />
  );
}

function AxisSelect({
  current,
  known,
}: {
  readonly current: Axis;
  readonly known: readonly Axis[];
}) {
  if (known.length < 2) return <span class="muted">{AXIS_LABELS[current]}</span>;
  return (
    <Select
      label="Axis"
      value={current}
      options={known.map((value) => ({ value, label: AXIS_LABELS[value] }))}
      onChange={(value) => {
        axis.value = value;
      }}
    />
  );
}

/** Says which of a and b lie in another run than the one on show, of which some are `gone`. */
function Elsewhere({ gone }: { readonly gone: readonly Snapshot[] }) {
  const shown = new Set([...(shownRun.value?.snapshots ?? []), ...gone].map(({ id }) => id));
  const absent = (['a', 'b'] as const).filter((side) => {
    const id = (side === 'a' ? a : b).value;
    return id !== null && !shown.has(id);
  });
  if (absent.length === 0) return null;
  return (
    <span class="timeline-elsewhere muted">
      {absent.map((side) => (
        <SideBadge key={side} side={side} />
      ))}
      {absent.length === 1 ? 'is in another run' : 'are in another run'}
    </span>
  );
}
