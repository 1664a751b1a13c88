/** What is marked as an anomaly, which rows there are, and in which order. */
import { batch } from '@preact/signals';
import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import { Button } from '../../elements/Button';
import { Icon } from '../../elements/Icon';
import { NumberStepper } from '../../elements/NumberStepper';
import { Segments } from '../../elements/Segments';
import { formatCount } from '../../scales/format';
import {
  anomalyRule,
  classOrder,
  clustered,
  imageShade,
  log,
  openClasses,
  runLength,
  showTriangles,
  threshold,
  validationOpen,
} from '../../state/training';
import { listClasses } from './listing';
import * as model from './model';
import { countOf, passInterval } from './words';

/** The published value for changes from one pass to the next, for classes of 50 images. */
const IMMEDIATE_THRESHOLD = 30;
const IMMEDIATE_IMAGES = 50;
const THRESHOLD_MAX = 1_000_000;
/** The server keeps d from 0 to 99. */
const RUN_MAX = 100;

const ROWS = [
  { value: 'clusters', label: 'Clusters' },
  { value: 'classes', label: 'Classes' },
] as const;
const ORDERS = [
  { value: 'mds', label: 'Similar' },
  { value: 'peak', label: 'Peak' },
] as const;
const SHADES = [
  { value: 'outcome', label: 'Outcome' },
  { value: 'probability', label: 'Probability' },
] as const;

export function Controls(): JSX.Element {
  return (
    <>
      <div class="validation-controls">
        <Button
          aria-pressed={showTriangles.value}
          title="Mark passes at which many images changed after a lasting state (above), or began one (below)"
          onClick={() => {
            showTriangles.value = !showTriangles.value;
          }}
        >
          Anomalies
        </Button>
        <Threshold />
        <RunLength />
      </div>
      {validationOpen.value && <RowControls />}
    </>
  );
}

function Threshold(): JSX.Element {
  const known = log.value;
  const { threshold: least, runLength: length } = anomalyRule.value;
  const suggested = length === 0 ? null : (known?.suggested_threshold ?? null);
  const run = known?.suggested_run_length ?? length;
  const published = length === 0 ? IMMEDIATE_THRESHOLD : (known?.published_threshold ?? null);
  return (
    <div class="validation-control">
      <NumberStepper
        label="Threshold"
        things="images"
        value={least}
        min={1}
        max={THRESHOLD_MAX}
        step={1}
        title="Images of a class that must change at a pass for it to be marked"
        onCommit={setThreshold}
      />
      <span class="muted">images</span>
      {suggested !== null && (
        <Preset
          label={`Suggested ${formatCount(suggested)}`}
          current={suggested === least && run === length}
          title={suggestedWords(run)}
          onChoose={() => {
            batch(() => {
              threshold.value = suggested;
              runLength.value = run;
            });
          }}
        />
      )}
      {published !== null && (
        <Preset
          label={`Published ${formatCount(published)}`}
          current={published === least}
          title="As the authors of DeepTracker chose it"
          onChoose={() => setThreshold(published)}
        />
      )}
    </div>
  );
}

function suggestedWords(run: number): string {
  const passes = countOf(run + 1, 'pass', 'passes');
  return `In this run, changes of chance after a stable run of ${passes} reach it at fewer than one of a thousand passes`;
}

function setThreshold(value: number): void {
  threshold.value = value;
}

interface PresetProps {
  readonly label: string;
  /** Whether it is what is in use. */
  readonly current: boolean;
  readonly title: string;
  readonly onChoose: () => void;
}

function Preset({ label, current, title, onChoose }: PresetProps): JSX.Element {
  return (
    <button
      type="button"
      class="button button-text validation-preset tabular"
      aria-pressed={current}
      title={title}
      onClick={onChoose}
    >
      {label}
    </button>
  );
}

function RunLength(): JSX.Element {
  const { runLength: length } = anomalyRule.value;
  const published = log.value?.published_run_length ?? null;
  const interval = passInterval(model.passes.value);
  const immediate = length === 0;
  return (
    <div class="validation-control">
      <Button
        aria-pressed={immediate}
        title="Count every change from one pass to the next, however short the state before it"
        onClick={() => setImmediate(!immediate)}
      >
        Immediate
      </Button>
      {!immediate && (
        <>
          <NumberStepper
            label="Stable run"
            things="passes"
            value={length + 1}
            min={1}
            max={RUN_MAX}
            step={1}
            title="Passes that a state must have lasted before it broke, or must last after it began"
            onCommit={(passes) => {
              runLength.value = passes - 1;
            }}
          />
          <span class="muted tabular">
            {length === 0 ? 'pass' : 'passes'}
            {interval !== null && ` = ${formatCount((length + 1) * interval)} steps`}
          </span>
          {published !== null && (
            <Preset
              label={`Published ${formatCount(published + 1)}`}
              current={published === length}
              title="As the authors of DeepTracker chose it"
              onChoose={() => {
                runLength.value = published;
              }}
            />
          )}
        </>
      )}
    </div>
  );
}

/** Changes from pass to pass are many more than broken runs: both have a threshold of their own. */
function setImmediate(immediate: boolean): void {
  runLength.value = immediate ? 0 : null;
  threshold.value = immediate ? immediateThreshold() : null;
}

/** Classes of fewer images than the published ones reach the same share of them. */
function immediateThreshold(): number {
  const { probe_images: images, classes } = log.value ?? { probe_images: 0, classes: [] };
  const each = images / Math.max(1, classes.length);
  const share = Math.ceil((IMMEDIATE_THRESHOLD * each) / IMMEDIATE_IMAGES);
  return Math.max(1, Math.min(IMMEDIATE_THRESHOLD, share));
}

function RowControls(): JSX.Element {
  return (
    <div class="validation-controls">
      <Segments
        label="Rows"
        value={clustered.value ? 'clusters' : 'classes'}
        options={ROWS}
        onChange={(rows) => {
          clustered.value = rows === 'clusters';
        }}
      />
      <span class="validation-control">
        <span class="muted">Order</span>
        <Segments
          label="Order of classes"
          value={classOrder.value}
          options={ORDERS}
          onChange={(order) => {
            classOrder.value = order;
          }}
        />
      </span>
      {openClasses.value.length > 0 && (
        <span class="validation-control">
          <span class="muted">Images</span>
          <Segments
            label="What the cells of images tell"
            value={imageShade.value}
            options={SHADES}
            onChange={(shade) => {
              imageShade.value = shade;
            }}
          />
        </span>
      )}
      <FindClass />
      <Listed />
    </div>
  );
}

function FindClass(): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  return (
    <label class="validation-find">
      <span class="visually-hidden">Find class</span>
      <Icon name="search" />
      <input
        ref={input}
        type="search"
        placeholder="Find class"
        value={model.query.value}
        onInput={(event) => {
          model.query.value = event.currentTarget.value;
        }}
        onKeyDown={(event) => {
          if (event.key !== 'Escape' || model.query.value === '') return;
          event.preventDefault();
          event.stopPropagation();
          model.query.value = '';
        }}
      />
    </label>
  );
}

/** How many classes the threshold, or the search, leaves. */
function Listed(): JSX.Element {
  const total = model.order.value.length;
  const searching = model.query.value.trim() !== '';
  const { listed, below } = listClasses({
    order: model.order.value,
    peaks: model.pairPeaks.value,
    threshold: anomalyRule.value.threshold,
    all: false,
    query: model.query.value,
    names: model.names.value,
    opened: [],
  });
  const words = searching
    ? `${formatCount(listed.length)} of ${formatCount(total)} found`
    : `${formatCount(listed.length)} of ${formatCount(total)} reach the threshold`;
  return (
    <span class="validation-listed muted tabular" role="status">
      {words}
      {!searching && below > 0 && (
        <button
          type="button"
          class="button button-text"
          onClick={() => {
            model.listAll.value = !model.listAll.value;
          }}
        >
          {model.listAll.value ? 'List these only' : 'List all'}
        </button>
      )}
    </span>
  );
}
