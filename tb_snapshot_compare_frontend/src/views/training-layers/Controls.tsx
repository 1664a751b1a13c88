import type { JSX } from 'preact';
import { Button } from '../../elements/Button';
import { NumberStepper } from '../../elements/NumberStepper';
import { Segments } from '../../elements/Segments';
import { Select } from '../../elements/Select';
import * as state from '../../state/training';
import { closeAll, openAll } from './choosing';
import { EdgesEditor } from './EdgesEditor';
import * as model from './model';
import { CHARTS, KINDS, MEASURES, SCALES, STATISTICS } from './words';

const MOST_BANDS = 6;
const BASES = [
  { value: 'zero', label: 'From zero' },
  { value: 'lowest', label: 'From lowest' },
] as const;

export function Controls(): JSX.Element {
  const chart = state.layerChart.value;
  return (
    <>
      <Segments
        label="Chart"
        value={chart}
        options={CHARTS}
        onChange={(value) => {
          state.layerChart.value = value;
        }}
      />
      <KindSelect />
      {(chart === 'horizon' || chart === 'line') && <StatisticSelect />}
      {(chart === 'horizon' || chart === 'line') && (
        <Segments
          label="What charts rise from"
          value={model.horizonFrom.value}
          options={BASES}
          onChange={(value) => {
            state.horizonBase.value = value;
          }}
        />
      )}
      {chart === 'horizon' && <HorizonControls />}
      {chart === 'bands' ? (
        <EdgesEditor />
      ) : (
        <Toggle
          pressed={state.sameScale.value}
          title="One range of values for all rows"
          onChange={(value) => {
            state.sameScale.value = value;
          }}
        >
          Same scale
        </Toggle>
      )}
      <FilterControls />
    </>
  );
}

/** In the header. */
export function Commands(): JSX.Element {
  return (
    <span class="layers-commands">
      <OpenCommands />
      <TopToggle />
    </span>
  );
}

interface ToggleProps {
  readonly pressed: boolean;
  readonly title: string;
  readonly disabled?: boolean;
  readonly onChange: (pressed: boolean) => void;
  readonly children: string;
}

function Toggle({ pressed, title, disabled = false, onChange, children }: ToggleProps) {
  return (
    <Button
      aria-pressed={pressed}
      title={title}
      disabled={disabled}
      onClick={() => onChange(!pressed)}
    >
      {children}
    </Button>
  );
}

function KindSelect(): JSX.Element | null {
  const kind = state.shownKind.value;
  const ratios = state.layerChart.value === 'bands';
  const kinds = (state.log.value?.kinds ?? []).filter(
    (each) => !ratios || each === 'gradient' || each === 'update',
  );
  if (kind === null) return null;
  return (
    <Select
      label="Of"
      value={kind}
      options={kinds.map((value) => ({ value, label: KINDS[value] }))}
      onChange={(value) => {
        state.layerKind.value = value;
      }}
    />
  );
}

function StatisticSelect(): JSX.Element {
  return (
    <Select
      label="Statistic"
      value={state.layerStatistic.value}
      options={Object.entries(STATISTICS).map(([value, label]) => ({ value, label }))}
      onChange={(value) => {
        state.layerStatistic.value = value;
      }}
    />
  );
}

function HorizonControls(): JSX.Element {
  return (
    <>
      <NumberStepper
        label="Bands"
        value={state.horizonBands.value}
        min={1}
        max={MOST_BANDS}
        step={1}
        title="Into how many bands a curve is cut, which are laid over one another"
        onCommit={(value) => {
          state.horizonBands.value = value;
        }}
      />
      {model.isSignedShown.value && (
        <Toggle
          pressed={state.horizonMirror.value}
          title="Negative values rise as positive ones do, in their own colours; else they hang from the top"
          onChange={(value) => {
            state.horizonMirror.value = value;
          }}
        >
          Mirror
        </Toggle>
      )}
    </>
  );
}

function FilterControls(): JSX.Element | null {
  if (state.shownLayers.value.length === 0) return null;
  const known = state.log.value?.measures ?? [];
  const measures = known.length > 0 ? known : [state.filterMeasure.value];
  return (
    <>
      <Select
        label="Filters"
        value={state.filterMeasure.value}
        options={measures.map((value) => ({ value, label: MEASURES[value] ?? value }))}
        onChange={(value) => {
          state.filterMeasure.value = value;
        }}
      />
      <Segments
        label="Scale of the filters' colours"
        value={state.filterScale.value}
        options={SCALES}
        onChange={(value) => {
          state.filterScale.value = value;
        }}
      />
    </>
  );
}

function TopToggle(): JSX.Element {
  const pinned = state.pins.value.length;
  return (
    <Toggle
      pressed={state.onlyTop.value && pinned > 0}
      disabled={pinned === 0}
      title={
        pinned === 0
          ? 'Pin a step to see the filters that changed most there'
          : 'Only the filters that are among the most changed at every pinned step'
      }
      onChange={(value) => {
        state.onlyTop.value = value;
      }}
    >
      Top filters
    </Toggle>
  );
}

function OpenCommands(): JSX.Element | null {
  if (state.topLayers.value !== null) return null;
  const opened = state.openUnits.value.length + state.openLayers.value.length > 0;
  const { children, top } = state.units.value;
  const closed = state.shownUnits.value.some((path) => children.has(path));
  if (top.every((path) => !children.has(path)) && !opened) return null;
  return (
    <>
      <Button variant="text" disabled={!closed} onClick={openAll}>
        All layers
      </Button>
      <Button variant="text" disabled={!opened} onClick={closeAll}>
        Close all
      </Button>
    </>
  );
}
