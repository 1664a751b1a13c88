import type { JSX, RefObject } from 'preact';
import { stepWords } from '../../elements/axis-words';
import { Icon } from '../../elements/Icon';
import { RunName, type WhichRun } from '../../elements/RunMark';
import { Tooltip } from '../../elements/Tooltip';
import type { Box } from '../../elements/tooltip-place';
import { MISSING } from '../../scales/format';
import { GUTTER } from '../../scales/steps';
import { latest } from '../../state/resources';
import * as state from '../../state/training';
import { filterNorms, filterSeries } from '../../state/training-data';
import { shortTitles } from '../../state/training-pair';
import { readFilter } from './filter-words';
import * as model from './model';
import { unitName } from './names';
import { dumpAt, dumpsOf, valuesOf } from './other';
import { isPaired } from './other-values';
import { chartsHeight } from './rows';
import {
  countOf,
  notFiniteWords,
  parametersOf,
  quantityOf,
  type Reading,
  readingsAt,
} from './words';

/** Exact values of what lies under the pointer. */
export function HoverCard(props: {
  readonly stage: RefObject<HTMLElement | null>;
}): JSX.Element | null {
  const at = model.pointed.value;
  const step = at && dumpsOf(at.kind === 'row' ? at.run : 'own')[at.dump];
  if (at === null || step === null || step === undefined) return null;
  const anchor = anchorOf(at, step, props.stage.current);
  if (anchor === null) return null;
  return (
    <Tooltip anchor={anchor} side="below">
      <div class="layers-card">
        {at.kind === 'row' ? <RowCard at={at} step={step} /> : <FilterCard at={at} step={step} />}
      </div>
    </Tooltip>
  );
}

function anchorOf(at: model.Pointed, step: number, stage: HTMLElement | null): Box | null {
  if (at.kind === 'filter') return { x: at.x, y: at.y - 4, width: 0, height: 14 };
  const frame = stage?.getBoundingClientRect();
  const row = model.rows.value.find(({ unit }) => unit.path === at.path);
  if (!frame || !row) return null;
  const x = frame.left + GUTTER + model.scale.value.x(step);
  return { x, y: frame.top + row.top, width: 0, height: chartsHeight(row) };
}

type Of<K extends model.Pointed['kind']> = Extract<model.Pointed, { kind: K }>;

function RowCard({ at, step }: { readonly at: Of<'row'>; readonly step: number }): JSX.Element {
  const unit = state.units.value.units.get(at.path);
  const kind = state.shownKind.value;
  const quantity = kind ? quantityOf(state.layerChart.value, kind, state.layerStatistic.value) : '';
  const paired = isPaired.value;
  const single = state.layerChart.value === 'horizon' || state.layerChart.value === 'line';
  return (
    <>
      <strong>{unitName(at.path)}</strong>
      <div class="muted">
        {stepWords(step)}
        {unit && ` · ${parametersOf(unit)} parameters`}
        {unit && unit.filters > 0 && ` · ${countOf(unit.filters, 'filter')}`}
      </div>
      {!single && <div class="muted">{quantity}</div>}
      {paired ? (
        <PairReadings path={at.path} step={step} label={quantity} />
      ) : (
        <Readings readings={readingsIn('own', at.path, step, quantity)} colors={bandColors()} />
      )}
      <NotFiniteNote path={at.path} step={step} />
    </>
  );
}

/** What a run's chart says at a step; nothing where it has no dump there. */
function readingsIn(run: WhichRun, path: string, step: number, label: string): readonly Reading[] {
  const [row, dump] = [valuesOf(run, path), dumpAt(run, step)];
  if (row === null || dump === null) return [];
  return readingsAt(state.layerChart.value, row, dump, label, model.shownEdges.value);
}

/** What of a unit is NaN or infinite, in each run on show. */
function NotFiniteNote(props: { readonly path: string; readonly step: number }): JSX.Element {
  const runs: readonly WhichRun[] = isPaired.value ? ['own', 'other'] : ['own'];
  return (
    <>
      {runs.map((run) => {
        const text = notFiniteIn(run, props.path, props.step);
        if (text === null) return null;
        const of = isPaired.value ? `${shortTitles.value[run]}: ` : '';
        return (
          <p key={run} class="layers-card-problem">
            <Icon name="warning" size={14} />
            {of}
            {text}
          </p>
        );
      })}
    </>
  );
}

function notFiniteIn(run: WhichRun, path: string, step: number): string | null {
  const [row, dump, kind] = [valuesOf(run, path), dumpAt(run, step), state.shownKind.value];
  if (row === null || dump === null || kind === null) return null;
  const [chart, statistic] = [state.layerChart.value, state.layerStatistic.value];
  return notFiniteWords(row, dump, { chart, kind, statistic });
}

function bandColors(): readonly string[] | null {
  return state.layerChart.value === 'bands' ? model.style.value.bands.toReversed() : null;
}

/** A column for each run, and where the other recorded at another step, which that is. */
function PairReadings(props: {
  readonly path: string;
  readonly step: number;
  readonly label: string;
}): JSX.Element {
  const { path, step, label } = props;
  const readings = (run: WhichRun) => readingsIn(run, path, step, label);
  const [own, other] = [readings('own'), readings('other')];
  const labels = (own.length > 0 ? own : other).map((reading) => reading.label);
  const colors = bandColors();
  return (
    <table class="layers-pair tabular">
      <thead>
        <tr>
          <td />
          <PairHead run="own" name={shortTitles.value.own} step={step} />
          <PairHead run="other" name={shortTitles.value.other} step={step} />
        </tr>
      </thead>
      <tbody>
        {labels.map((name, place) => (
          <tr key={name}>
            <th scope="row">
              {colors && <i style={{ background: colors[place] ?? 'none' }} />}
              {name}
            </th>
            <td>{own[place]?.value ?? MISSING}</td>
            <td>{other[place]?.value ?? MISSING}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function PairHead(props: {
  readonly run: WhichRun;
  readonly name: string;
  readonly step: number;
}): JSX.Element {
  const { run, name, step } = props;
  const dump = dumpAt(run, step);
  const recorded = dump === null ? null : (dumpsOf(run)[dump] ?? null);
  return (
    <th scope="col">
      <RunName which={run} name={name} />
      {recorded === null && <span class="muted">no dump here</span>}
      {recorded !== null && recorded !== step && (
        <span class="muted">of {stepWords(recorded)}</span>
      )}
    </th>
  );
}

function FilterCard(props: { readonly at: Of<'filter'>; readonly step: number }): JSX.Element {
  const { path, filter, dump } = props.at;
  const series = latest(filterSeries.value.get(path) ?? { status: 'idle' });
  const norms = latest(filterNorms.value.get(path) ?? { status: 'idle' });
  const place = series?.filters.indexOf(filter) ?? -1;
  return (
    <>
      <strong>
        filter {filter} of {path}
      </strong>
      <div class="muted">{stepWords(props.step)}</div>
      {series && place >= 0 && (
        <Readings readings={readFilter(series, place, dump, norms).readings} colors={null} />
      )}
    </>
  );
}

function Readings(props: {
  readonly readings: readonly Reading[];
  readonly colors: readonly string[] | null;
}): JSX.Element {
  return (
    <dl class="tabular">
      {props.readings.map(({ label, value }, index) => (
        <div key={label}>
          <dt>
            {props.colors && <i style={{ background: props.colors[index] ?? 'none' }} />}
            {label}
          </dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
