/** What the colours mean. */
import type { JSX } from 'preact';
import { ColorLegend } from '../../elements/Legend';
import { correlationForm } from '../../state/training';
import * as cube from './cube-model';
import * as model from './model';

export function Key(): JSX.Element {
  const { block } = model.colors.value;
  if (correlationForm.value === 'simple') {
    return (
      <ColorLegend
        label="Strongly changing filters"
        domain={[0, model.most.value]}
        color={(count) => (count === 0 ? 'transparent' : model.countColor.value(count))}
        format={String}
        inline
        theme={model.theme.value}
      />
    );
  }
  return (
    <div class="correlation-key">
      {correlationForm.value === 'cube' && <CubeKey />}
      <span title="As high as the set has filters">
        <i class="correlation-key-block" style={{ background: block }} /> mini-set changed together
      </span>
      <span title="As thick as the set has filters; stronger with more occurrences × filters">
        <i class="correlation-key-line" style={{ background: block }} /> first to last time
      </span>
    </div>
  );
}

const STOPS = 9;
const CHANGE =
  '1 − cosine similarity to the dump before, by its logarithm; each filter from its least to its largest change in sight';

function CubeKey(): JSX.Element {
  return (
    <>
      <span>
        Error 0 % <Ramp colors={cube.errorColors.value} /> 100 %
      </span>
      <span title={CHANGE}>
        Change of a filter, least <Ramp colors={cube.changeColors.value} /> most
      </span>
    </>
  );
}

function Ramp({ colors }: { readonly colors: readonly string[] }): JSX.Element {
  const stops = Array.from(
    { length: STOPS },
    (_, at) => colors[Math.round((at / (STOPS - 1)) * (colors.length - 1))],
  );
  return (
    <i
      class="correlation-key-ramp"
      style={{ background: `linear-gradient(90deg, ${stops.join(',')})` }}
    />
  );
}
