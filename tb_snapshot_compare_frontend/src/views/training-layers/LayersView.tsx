/** How the weights changed: the tree of units beside a chart for each, and their filters. */
import type { JSX } from 'preact';
import { Button } from '../../elements/Button';
import { EmptyState, FailureState } from '../../elements/EmptyState';
import { Section } from '../../elements/Section';
import { retryFailed } from '../../state/environment';
import { filters, layer } from '../../state/selection';
import * as state from '../../state/training';
import { adoptStyles } from '../../theme/styles';
import { Commands, Controls } from './Controls';
import { compareChosen } from './choosing';
import { layersCsv, layersSvg, quantity } from './files';
import { Key } from './Key';
import css from './layers.css?inline';
import * as model from './model';
import { withoutNetwork } from './network-words';
import { Stage } from './Stage';
import { TopList } from './TopList';
import { countOf } from './words';

adoptStyles(css);

const TITLE = 'Layers';

export function LayersView(): JSX.Element {
  const known = state.log.value;
  const ready = known !== null && state.units.value.top.length > 0 && known.dumps.length > 0;
  return (
    <Section
      id="layers"
      title={TITLE}
      subtitle={ready ? subtitle() : ''}
      busy={busyOf()}
      timeless={!ready || state.topLayers.value?.length === 0 || state.shownKind.value === null}
      {...(ready && {
        toolbar: <Commands />,
        controls: <Controls />,
        legend: <Key />,
        exports: {
          name: `layers-${known.run}`,
          svg: () => layersSvg(`${TITLE} of ${known.run}`),
          csv: layersCsv,
        },
      })}
    >
      {ready ? <Content /> : <Nothing />}
    </Section>
  );
}

function subtitle(): string {
  const rows = state.shownUnits.value.length;
  if (rows === 0) return quantity();
  const { units } = state.units.value;
  const layers = state.shownUnits.value.every((path) => units.get(path)?.is_layer);
  const noun = layers ? 'layer' : 'unit';
  return `${quantity()} · ${countOf(rows, noun)} × ${countOf(state.dumps.value.length, 'dump')}`;
}

function busyOf() {
  const resource = model.resource.value;
  if (resource.status !== 'loading') return null;
  const { job } = resource;
  const fraction = job && job.total > 0 ? job.done / job.total : null;
  return { label: job?.label ?? 'Reading the layers', fraction };
}

function Nothing(): JSX.Element {
  const resource = state.training.value;
  if (resource.status === 'failed') {
    return <FailureState title="The log could not be read" failure={resource.failure} />;
  }
  const known = state.log.value;
  if (known === null) {
    return <div class="layers-wait" role="status" aria-label="Reading the log" />;
  }
  if (known.state === 'indexing') {
    return (
      <EmptyState icon="info" title="The snapshots are being read">
        <p>
          {known.done} of {known.total} pairs of snapshots are known.
        </p>
      </EmptyState>
    );
  }
  return (
    <EmptyState icon="info" title="Nothing is known of the layers yet">
      <p>{known.note}</p>
    </EmptyState>
  );
}

function Content(): JSX.Element {
  const resource = model.resource.value;
  const empty = state.topLayers.value?.length === 0;
  if (state.shownKind.value === null) return <NoRatios />;
  return (
    <div class="layers" data-stale={resource.status === 'failed' ? '' : undefined}>
      {resource.status === 'failed' && (
        <p class="layers-failed" role="alert">
          The charts could not be read. {resource.failure.message}{' '}
          <Button variant="text" onClick={retryFailed}>
            Try again
          </Button>
        </p>
      )}
      {!empty && <Stage />}
      <div class="layers-below">
        <Chosen />
        {!empty && <NetworkNote />}
        <TopList />
      </div>
    </div>
  );
}

function NetworkNote(): JSX.Element | null {
  const reason = withoutNetwork();
  return reason === null ? null : <p class="layers-hint">{reason}</p>;
}

function NoRatios(): JSX.Element {
  return (
    <EmptyState
      icon="info"
      title="Neither gradients nor updates were recorded"
      actions={
        <Button
          onClick={() => {
            state.layerChart.value = 'horizon';
          }}
        >
          Show the weights
        </Button>
      }
    >
      <p>Change ratios compare them with the weights.</p>
    </EmptyState>
  );
}

/** The filter that Compare opens on, where it is one of these layers'. */
function Chosen(): JSX.Element | null {
  const name = layer.value;
  const [filter, ...more] = filters.value;
  if (name === null || filter === undefined || !state.units.value.units.has(name)) return null;
  return (
    <p class="layers-hint">
      {more.length > 0 ? countOf(more.length + 1, 'filter') : `Filter ${filter}`} of {name}{' '}
      {more.length > 0 ? 'are' : 'is'} selected.{' '}
      <Button variant="text" onClick={compareChosen}>
        Compare
      </Button>
      <Button
        variant="text"
        onClick={() => {
          filters.value = [];
        }}
      >
        Clear
      </Button>
    </p>
  );
}
