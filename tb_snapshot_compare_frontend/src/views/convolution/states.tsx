/** What stands in the view while there is no map, and why there is none. */
import type { JSX } from 'preact';
import { Button } from '../../elements/Button';
import { EmptyState } from '../../elements/EmptyState';
import { whyNotCompared } from '../../elements/tensor-words';
import { comparison, latest } from '../../state/resources';
import { layer, metric, selectLayer } from '../../state/selection';
import { comparedLayers, mostChangedLayer } from '../../state/tensors';

const REASONS_MOST = 6;

export function Waiting(): JSX.Element {
  const name = layer.value;
  const compared = latest(comparison.value);
  if (name === null) return <NoLayer />;
  if (compared === null || comparedLayers.value?.has(name)) {
    return (
      <div class="kernel-skeleton" role="status" aria-label={`Comparing the kernel of ${name}`} />
    );
  }
  const own = compared.tensors.filter(
    (tensor) => tensor.layer === name && tensor.scope === 'weights',
  );
  if (own.length === 0) {
    return (
      <EmptyState title={`${name} has no weights`}>
        <p>
          Only layers with weights have a kernel to look at: choose a convolution or dense layer.
        </p>
      </EmptyState>
    );
  }
  return (
    <EmptyState icon="info" title={`The weights of ${name} cannot be compared`}>
      {own.slice(0, REASONS_MOST).map((tensor) => (
        <p key={tensor.name}>
          <strong>{tensor.name}</strong>
          {`: ${whyNotCompared(tensor)}`}
        </p>
      ))}
    </EmptyState>
  );
}

function NoLayer(): JSX.Element {
  const compared = latest(comparison.value);
  const most = compared && mostChangedLayer(compared, metric.value);
  return (
    <EmptyState
      title="No layer is selected"
      actions={most && <Button onClick={() => selectLayer(most)}>{`Select ${most}`}</Button>}
    >
      <p>
        Select a layer in the network to see its kernel as a map: a column per filter, a row per
        input channel.
        {most && ` ${most} changed most.`}
      </p>
    </EmptyState>
  );
}
