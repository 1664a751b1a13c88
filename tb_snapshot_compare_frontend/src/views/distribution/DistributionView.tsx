/** How the weights of the selected layer, or of the whole model, changed from a to b. */
import type { JSX } from 'preact';
import { useMemo, useRef } from 'preact/hooks';
import type { AreaDistribution, Distribution, TensorDifference } from '../../client/types';
import { Button } from '../../elements/Button';
import { EmptyState, FailureState } from '../../elements/EmptyState';
import { Icon } from '../../elements/Icon';
import { LevelLegend } from '../../elements/Legend';
import { NumberStepper } from '../../elements/NumberStepper';
import { Panel } from '../../elements/Panel';
import type { PanelExports, PanelProps } from '../../elements/panel-types';
import { Segments } from '../../elements/Segments';
import { Select } from '../../elements/Select';
import { notComparedWords } from '../../elements/tensor-words';
import { toCsv } from '../../render/csv';
import { inlineSvg } from '../../render/export';
import { headedSvg } from '../../render/headed-svg';
import { steps } from '../../scales/color';
import { dark } from '../../state/environment';
import { areaDistribution } from '../../state/kernel';
import { comparedLines, pairInFileName, withPairColumns } from '../../state/pair-words';
import { comparison, distribution, latest, type Resource } from '../../state/resources';
import * as selection from '../../state/selection';
import { readyPair } from '../../state/snapshots';
import { comparedLayers, notCompared, shortTensor } from '../../state/tensors';
import { BINS_MAX, BINS_MIN, LEVELS_MAX, LEVELS_MIN } from '../../state/url';
import { countScale, distributionMode as mode } from '../../state/view-choice';
import { adoptStyles } from '../../theme/styles';
import { CellTable } from './CellTable';
import { existing, totalOf } from './cells';
import css from './Distribution.css?inline';
import { Histogram } from './Histogram';
import { rangeSetter, tensorsOfLayer } from './tensors';
import {
  areaLine,
  csvRows,
  excludedLine,
  levelRange,
  nothingChanged,
  selectionLine,
  subject,
  weights,
} from './words';

adoptStyles(css);

const BINS = { min: BINS_MIN, max: BINS_MAX, initial: 20, step: 5 };
const LEVELS = { min: LEVELS_MIN, max: LEVELS_MAX, initial: 5, step: 1 };
const COUNT_SCALES = [
  { value: 'linear', label: 'Linear' },
  { value: 'sqrt', label: 'Square root' },
  { value: 'log', label: 'Logarithmic' },
] as const;
const MODES = [
  { value: 'chart', label: 'Chart' },
  { value: 'table', label: 'Table' },
] as const;
const ALL_TENSORS = '';
const PICTURE = '.histogram, .cell-table';

/** In percent; grey bars where the histogram will be. */
const SKELETON_HEIGHTS = [2, 4, 7, 13, 24, 46, 92, 100, 52, 27, 12, 8, 5, 3];

export function DistributionView(): JSX.Element {
  const resource = distribution.value;
  const value = latest(resource);
  const drawing = useRef<SVGSVGElement>(null);
  const theme = dark.value ? 'dark' : 'light';
  const levelCount = value ? value.level_edges.length - 1 : 0;
  const colors = useMemo(() => steps(theme, Math.max(1, levelCount)), [theme, levelCount]);
  const chart = value && resource.status !== 'failed' && hasBars(value) ? value : null;
  const drawn = chart && !nothingChanged(chart) ? chart : null;

  // A previous pair's bars would be saved under the names of the new one.
  const exports: { exports?: PanelExports } =
    drawn && resource.status === 'ready'
      ? { exports: exportsOf(drawn, colors, () => drawing.current) }
      : {};
  const subtitle = subtitleOf(resource);
  return (
    <Panel
      id="distribution"
      title="Difference distribution"
      {...(subtitle === null ? {} : { subtitle })}
      toolbar={<TensorSelect />}
      controls={chart || resource.status === 'loading' ? <Controls /> : null}
      busy={busyOf(resource)}
      {...exports}
    >
      {resource.status === 'failed' ? (
        <FailureState title="The distribution could not be computed" failure={resource.failure} />
      ) : value === null ? (
        <Waiting resource={resource} />
      ) : drawn === null ? (
        <NothingToDraw value={value} />
      ) : (
        <div class="distribution">
          <div class="distribution-legend">
            <Levels value={drawn} colors={colors} />
          </div>
          {mode.value === 'table' ? (
            <CellTable distribution={drawn} interactive={resource.status === 'ready'} />
          ) : (
            <Histogram
              distribution={drawn}
              colors={colors}
              kind={countScale.value}
              interactive={resource.status === 'ready'}
              drawing={drawing}
              area={areaOf(drawn)}
            />
          )}
          <StatusLine value={drawn} />
        </div>
      )}
    </Panel>
  );
}

function Controls(): JSX.Element {
  const bins = selection.bins.value;
  const levels = selection.levels.value;
  const initial = bins === BINS.initial && levels === LEVELS.initial;
  return (
    <>
      <NumberStepper
        label="Bins"
        value={bins}
        {...BINS}
        title="Equal intervals of the change b − a (2 to 512)"
        onCommit={(next) => setSizes(next, levels)}
      />
      <NumberStepper
        label="Levels"
        value={levels}
        {...LEVELS}
        title="Equal intervals of the relative change 2|b − a| ∕ (|a| + |b|) (1 to 32)"
        onCommit={(next) => setSizes(bins, next)}
      />
      <Select
        label="Counts"
        value={countScale.value}
        options={COUNT_SCALES}
        title="How the height of a bar stands for its number of weights"
        onChange={(kind) => {
          countScale.value = kind;
        }}
      />
      {!initial && (
        <Button
          variant="icon"
          label="Reset"
          title={`Back to ${BINS.initial} bins and ${LEVELS.initial} levels`}
          onClick={(event) => {
            focusIn(event, '.panel-controls', '[role=spinbutton]');
            setSizes(BINS.initial, LEVELS.initial);
          }}
        >
          <Icon name="reset" />
        </Button>
      )}
      <div class="distribution-mode">
        <Segments
          label="Show the distribution as"
          value={mode.value}
          options={MODES}
          onChange={(next) => {
            mode.value = next;
          }}
        />
      </div>
    </>
  );
}

/** Where a layer has several tensors: all of them, or one. */
function TensorSelect(): JSX.Element | null {
  const tensors = tensorsOfLayer(latest(comparison.value), selection.layer.value);
  if (tensors.length < 2) return null;
  return (
    <Select
      label="Tensor"
      value={selection.tensor.value ?? ALL_TENSORS}
      options={[
        { value: ALL_TENSORS, label: 'All' },
        ...tensors.map(({ name, layer }) => ({ value: name, label: shortTensor(name, layer) })),
      ]}
      title="The weights of the layer that are counted"
      onChange={(name) => selection.selectTensor(name === ALL_TENSORS ? null : name)}
    />
  );
}

/** Cells and hidden levels are numbers of bins and levels: other ones make them meaningless. */
function setSizes(bins: number, levels: number): void {
  if (levels !== selection.levels.value) selection.hiddenLevels.value = [];
  selection.cells.value = [];
  selection.bins.value = bins;
  selection.levels.value = levels;
}

/** A button that is about to go hands the focus on. */
function focusIn(event: Event, container: string, wanted: string): void {
  const around = (event.currentTarget as Element).closest(container);
  around?.querySelector<HTMLElement>(wanted)?.focus({ preventScroll: true });
}

interface ValueProps {
  readonly value: Distribution;
}

function Levels({
  value,
  colors,
}: ValueProps & { readonly colors: readonly string[] }): JSX.Element {
  const all = colors.map((_, level) => level);
  const hidden = selection.hiddenLevels.value;
  const show = (hide: readonly number[]): void => {
    if (hide.length >= all.length) return;
    selection.hiddenLevels.value = hide;
    selection.cells.value = selection.cells.value.filter(({ level }) => !hide.includes(level));
  };
  return (
    <LevelLegend
      label="Relative change (%)"
      levels={all.map((level) => levelRange(value.level_edges, level))}
      colors={colors}
      hidden={hidden}
      onToggle={(level) =>
        show(all.filter((other) => hidden.includes(other) !== (other === level)))
      }
      onOnly={(level) => show(all.filter((other) => other !== level))}
      onAll={() => show([])}
    />
  );
}

function StatusLine({ value }: ValueProps): JSX.Element {
  const selected = existing(selection.cells.value, value.counts);
  const compared = comparison.value.status === 'ready' ? comparison.value.value : null;
  const outlier = compared && rangeSetter(value, compared.tensors);
  return (
    <div class="distribution-status">
      {selected.length === 0 ? (
        <span class="muted">
          {mode.value === 'table'
            ? 'Click a count or a bin to select weights'
            : 'Click a segment or drag along the axis to select weights'}
        </span>
      ) : (
        <span class="distribution-selection">
          {selectionLine(value, selected)}
          <Button
            variant="text"
            onClick={(event) => {
              focusIn(event, '.distribution', PICTURE);
              selection.cells.value = [];
            }}
          >
            Clear
          </Button>
        </span>
      )}
      {selection.area.value && <AreaLine value={value} />}
      {value.excluded > 0 && <span class="muted">{excludedLine(value.excluded)}</span>}
      {outlier && <RangeHint tensor={outlier} />}
    </div>
  );
}

/** What the outline over the bars is: the area that is brushed on the map of the kernel. */
function AreaLine({ value }: ValueProps): JSX.Element {
  const resource = areaDistribution.value;
  const known = areaOf(value);
  return (
    <span class="distribution-selection">
      <i class="area-key" />
      {known
        ? areaLine(known, value)
        : resource.status === 'failed'
          ? resource.failure.message
          : 'Counting the area…'}
      <Button
        variant="text"
        title="Clear the area"
        onClick={() => {
          selection.area.value = null;
        }}
      >
        Clear
      </Button>
    </span>
  );
}

/** The area's counts, once they are there in the bins and levels on show. */
function areaOf({ counts }: Distribution): AreaDistribution | null {
  if (selection.area.value === null) return null;
  const known = latest(areaDistribution.value);
  const fits =
    known?.counts.length === counts.length && known.counts[0]?.length === counts[0]?.length;
  return known && fits && known.total > 0 ? known : null;
}

/** What to do where a few weights stretch the range and nearly all others share two bars. */
function RangeHint({ tensor }: { readonly tensor: TensorDifference }): JSX.Element {
  const { layer } = tensor;
  return (
    <span class="distribution-range">
      <Icon name="info" size={14} />
      {`The range is set by ${tensor.name}: choose a ${
        selection.layer.value === null ? 'layer' : 'tensor'
      } to see the others apart.`}
      {layer !== null && selection.layer.value === null && (
        <Button
          variant="text"
          onClick={(event) => {
            focusIn(event, '.distribution', PICTURE);
            selection.selectLayer(layer);
          }}
        >
          {`Select ${layer}`}
        </Button>
      )}
    </span>
  );
}

function Waiting({ resource }: { readonly resource: Resource<Distribution> }): JSX.Element {
  const layer = selection.layer.value;
  if (layer !== null && comparedLayers.value?.has(layer) === false) {
    return <NoWeights of={layer} missing={notCompared.value.get(layer) ?? []} />;
  }
  if (resource.status === 'loading' || readyPair.value) {
    return (
      <div class="distribution">
        <div class="distribution-skeleton" aria-hidden="true">
          {SKELETON_HEIGHTS.map((height) => (
            <i key={height} style={{ height: `${height}%` }} />
          ))}
        </div>
      </div>
    );
  }
  return (
    <EmptyState title="No snapshots to compare">
      <p>Choose snapshots a and b to see how the weights changed between them.</p>
    </EmptyState>
  );
}

function NothingToDraw({ value }: ValueProps): JSX.Element {
  const of = subject(value);
  if (hasBars(value)) {
    return (
      <EmptyState icon="check" title={`No weight of ${ofThe(of)} differs`}>
        <p>
          {`All ${weights(totalOf(value.counts))} are equal in a and b.`}
          {value.excluded > 0 && ` ${excludedLine(value.excluded)}.`}
        </p>
      </EmptyState>
    );
  }
  return <NoWeights of={of} excluded={value.excluded} missing={missingOf(value)} />;
}

/** What was left out of a distribution without any weights. */
function missingOf({ layer }: Distribution): readonly TensorDifference[] {
  if (layer !== null) return notCompared.value.get(layer) ?? [];
  return [...notCompared.value.values()].flat();
}

function NoWeights({
  of,
  missing,
  excluded = 0,
}: {
  readonly of: string;
  readonly missing: readonly TensorDifference[];
  readonly excluded?: number;
}): JSX.Element {
  if (missing.length > 0 && excluded === 0) {
    return (
      <EmptyState title={`The weights of ${ofThe(of)} cannot be compared`}>
        <p>{`${notComparedWords(missing, selection.layer.value)}.`}</p>
        <p>Select a layer whose weights have the same shape in both snapshots.</p>
      </EmptyState>
    );
  }
  return (
    <EmptyState title={`${of} has no weights to compare`}>
      <p>
        {excluded > 0
          ? `${excludedLine(excluded)}; there are no others.`
          : 'Select a layer with weights in both snapshots.'}
      </p>
    </EmptyState>
  );
}

function ofThe(name: string): string {
  return name === 'whole model' ? 'the whole model' : name;
}

function hasBars(value: Distribution): boolean {
  return totalOf(value.counts) > 0;
}

function subtitleOf(resource: Resource<Distribution>): string | null {
  const value = latest(resource);
  if (value === null || resource.status === 'failed') {
    return selection.layer.value ?? (resource.status === 'idle' ? null : 'whole model');
  }
  return `${subject(value)} · ${weights(totalOf(value.counts) + value.excluded)}`;
}

function busyOf(resource: Resource<Distribution>): NonNullable<PanelProps['busy']> | null {
  if (resource.status !== 'loading') return null;
  const { job } = resource;
  return {
    label: job?.label ?? 'Counting differences',
    fraction: job !== null && job.total > 0 ? job.done / job.total : null,
  };
}

function exportsOf(
  value: Distribution,
  colors: readonly string[],
  drawing: () => SVGSVGElement | null,
): PanelExports {
  const name = `difference-distribution-${subject(value)}${pairInFileName()}`;
  const csv = () => toCsv(withPairColumns(csvRows(value)));
  if (mode.value === 'table') return { name, csv };
  const svg = () => {
    const element = drawing();
    if (element === null) throw new Error('the histogram is not drawn');
    const hidden = selection.hiddenLevels.value;
    return headedSvg(inlineSvg(element), {
      title: `Difference distribution of ${ofThe(subject(value))}`,
      subtitle: comparedLines(
        value.tensor === null ? 'all tensors' : `tensor ${shortTensor(value.tensor, value.layer)}`,
      ),
      legend: 'Relative change (%)',
      swatches: colors
        .map((color, level) => ({ color, label: levelRange(value.level_edges, level) }))
        .filter((_, level) => !hidden.includes(level)),
    });
  };
  return { name, csv, svg };
}
