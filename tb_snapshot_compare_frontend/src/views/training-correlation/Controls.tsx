import type { JSX } from 'preact';
import { Button } from '../../elements/Button';
import { NumberStepper } from '../../elements/NumberStepper';
import { Segments } from '../../elements/Segments';
import * as state from '../../state/training';

const FORMS = [
  { value: 'simple', label: 'Matrix' },
  { value: 'full', label: 'Mini-sets' },
  { value: 'cube', label: 'Cube' },
] as const;
const PROJECTIONS = [
  { value: 'flat', label: 'Flat' },
  { value: 'oblique', label: 'Oblique' },
] as const;

export function Controls(): JSX.Element {
  const form = state.correlationForm.value;
  const { threshold, runLength } = state.anomalyRule.value;
  return (
    <>
      <Segments
        label="Form"
        value={form}
        options={FORMS}
        onChange={(value) => {
          state.correlationForm.value = value;
        }}
      />
      {form === 'cube' && (
        <Segments
          label="Projection of the cube"
          value={state.cubeProjection.value}
          options={PROJECTIONS}
          onChange={(value) => {
            state.cubeProjection.value = value;
          }}
        />
      )}
      <NumberStepper
        label="Top filters"
        value={state.correlationCount.value}
        min={1}
        max={state.TOP_COUNT_MOST}
        step={1}
        title="How many filters of all layers are the most changed at an anomaly iteration"
        onCommit={(value) => {
          state.correlationCount.value = value;
        }}
      />
      {form !== 'simple' && (
        <NumberStepper
          label="Keep from"
          things="mini-sets"
          value={state.correlationKeep.value}
          min={1}
          max={state.KEEP_MOST}
          step={1}
          title="Mini-sets are kept where occurrences × filters are at least this many"
          onCommit={(value) => {
            state.correlationKeep.value = value;
          }}
        />
      )}
      <Button
        aria-pressed={state.correlationAll.value}
        title="Consider the first convolution and the last layer too"
        onClick={() => {
          state.correlationAll.value = !state.correlationAll.value;
        }}
      >
        All layers
      </Button>
      <span
        class="correlation-rule muted tabular"
        title="What makes an anomaly: set in the validation view"
      >
        Anomalies from {threshold} {threshold === 1 ? 'image' : 'images'},{' '}
        {runLength === 0 ? 'immediate' : `run of ${runLength + 1} passes`}
      </span>
    </>
  );
}
