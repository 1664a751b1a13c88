/** Which layer carries the change in outcome, and within it which filters. */
import { signal } from '@preact/signals';
import type { JSX, RefObject } from 'preact';
import { useRef } from 'preact/hooks';
import type { Attribution } from '../../client/types';
import { Button } from '../../elements/Button';
import { EmptyState, FailureState } from '../../elements/EmptyState';
import { Segments } from '../../elements/Segments';
import { formatCount, formatFraction, formatNumber, formatSigned } from '../../scales/format';
import { retryFailed } from '../../state/environment';
import { currentSet, needsFlow, shownImages } from '../../state/probe-images';
import {
  attribution,
  attributionAsk,
  filterAttribution,
  filterAttributionAsk,
  flow,
} from '../../state/probing';
import { askAttribution } from '../../state/probing-ask';
import { imageFilter, isFiltered } from '../../state/probing-choice';
import { type Failure, latest, type Resource } from '../../state/resources';
import { filters, hoveredLayer, layer, selectLayer, shade } from '../../state/selection';
import { kernelLayers } from '../../state/tensors';
import { CarriedBars, type CarriedOrder } from './CarriedBars';
import { images } from './classes';
import { Progress } from './Progress';

const ORDERS = [
  { value: 'network', label: 'In network order' },
  { value: 'share', label: 'By share' },
] as const;

const order = signal<CarriedOrder>('share');

export function LayersTab({
  drawing,
}: {
  readonly drawing: RefObject<SVGSVGElement | null>;
}): JSX.Element {
  const resource = attribution.value;
  const value = latest(resource);
  if (resource.status === 'failed') {
    return <Failed failure={resource.failure} />;
  }
  if (resource.status === 'loading' && value === null) {
    return <Progress label="Swapping layer after layer" resource={resource} onCancel={startAnew} />;
  }
  if (value === null) return <Start />;
  return (
    <div class="perf-layers">
      <Summary value={value} />
      <div class="perf-bar-row">
        <Segments
          small
          label="Order of the layers"
          value={order.value}
          options={ORDERS}
          onChange={(next) => {
            order.value = next;
          }}
        />
        <Button
          aria-pressed={shade.value === 'carried'}
          title="Shade the boxes of the network architecture by these shares"
          onClick={() => {
            shade.value = shade.value === 'carried' ? 'measure' : 'carried';
          }}
        >
          Shade the network
        </Button>
        <Button variant="text" onClick={startAnew}>
          Choose other images
        </Button>
      </div>
      <CarriedBars
        value={value}
        order={order.value}
        isSelected={({ name }) => name === layer.value}
        drawing={drawing}
        onSelect={({ name }) => selectLayer(name)}
        onHover={(name) => {
          hoveredLayer.value = name;
        }}
      />
      <Filters basis={value} />
    </div>
  );
}

function startAnew(): void {
  attributionAsk.value = null;
}

function Failed({ failure }: { readonly failure: Failure }): JSX.Element {
  if (hasNothingToSwap(failure)) {
    return (
      <EmptyState title="Nothing to swap">
        <p>{failure.message}</p>
        <p>Choose other snapshots at the top of the page.</p>
      </EmptyState>
    );
  }
  return (
    <FailureState
      title="The layers could not be swapped"
      failure={failure}
      actions={<Button onClick={startAnew}>Choose other images</Button>}
    />
  );
}

/** Equal weights are an answer, not a failure. */
function hasNothingToSwap({ code, message }: Failure): boolean {
  return code === 'invalid_request' && message.includes('do not differ');
}

/** It is expensive: nothing runs before somebody asks. */
function Start(): JSX.Element {
  const all = currentSet.value?.images.length ?? 0;
  const filtered = isFiltered(imageFilter.value);
  const some = shownImages.value.length;
  const waiting = needsFlow.value && flow.value.status === 'loading';
  return (
    <div class="perf-start">
      <h3>Which layer did it?</h3>
      <p>
        Each layer’s weights of a are replaced by those of b, all its tensors at once and batch-norm
        statistics with them, one layer at a time. The network is run again on the images, and the
        layers are ranked by how much of the change from a to b each carries.
      </p>
      <div class="perf-start-actions">
        {filtered && (
          <Button
            variant="primary"
            disabled={some === 0 || waiting}
            onClick={() => ask(shownImages.value.map(({ id }) => id))}
          >
            Run on the {images(some, formatCount)} of the filter
          </Button>
        )}
        <Button
          variant={filtered ? 'normal' : 'primary'}
          disabled={all === 0}
          onClick={() => ask(null)}
        >
          Run on {all === 1 ? 'the image' : `all ${images(all, formatCount)}`}
        </Button>
      </div>
      <p class="muted">
        This runs the network once for each layer and image; it can be cancelled. To choose images,
        use the filter above.
      </p>
    </div>
  );
}

function ask(ids: readonly string[] | null): void {
  askAttribution(ids, null);
}

function Summary({ value }: { readonly value: Attribution }): JSX.Element {
  const { sum, whole_truth, whole_flips, images: count, distance } = value;
  const asked = attributionAsk.value?.chosen ?? currentSet.value?.images.length ?? count;
  return (
    <div class="perf-summary">
      <p>
        From a to b, {images(whole_flips, formatCount)} of {formatCount(count)}{' '}
        {whole_flips === 1 ? 'changes its' : 'change their'} prediction
        {whole_truth !== null &&
          `, and the true class’s probability changes by ${formatSigned(whole_truth)} on average`}
        .
      </p>
      {distance === 0 ? (
        <p>The probabilities of a and b are equal on these images: there is nothing to carry.</p>
      ) : (
        <p class="muted">
          The layers’ shares add up to <b>{formatFraction(sum)}</b> of the whole change (100 %): the
          layers interact, so that what they do together is not the sum of what each does alone.
        </p>
      )}
      {asked > count && (
        <p class="muted">
          {images(count, formatCount)} of {formatCount(asked)} were run, evenly spread.
        </p>
      )}
    </div>
  );
}

/** The same for groups of filters of the selected layer. */
function Filters({ basis }: { readonly basis: Attribution }): JSX.Element | null {
  const name = layer.value;
  const resource = filterAttribution.value;
  const value = latest(resource);
  if (name === null || kernelLayers.value?.has(name) === false) return null;
  const whole = basis.parts.find((part) => part.name === name)?.carried ?? null;
  return (
    <section class="perf-filters" aria-label={`Filters of ${name}`}>
      <h3>Filters of {name}</h3>
      <FilterBody name={name} whole={whole} resource={resource} value={value} />
    </section>
  );
}

interface FilterBodyProps {
  readonly name: string;
  readonly whole: number | null;
  readonly resource: Resource<Attribution>;
  readonly value: Attribution | null;
}

function FilterBody({ name, whole, resource, value }: FilterBodyProps): JSX.Element {
  const drawing = useRef<SVGSVGElement>(null);
  if (resource.status === 'failed') {
    const { failure } = resource;
    if (hasNothingToSwap(failure)) return <p class="muted">{failure.message}</p>;
    return (
      <>
        <p role="alert">{failure.message}</p>
        <Button onClick={retryFailed}>Try again</Button>
      </>
    );
  }
  if (resource.status === 'loading') {
    return (
      <Progress
        label={`Swapping groups of filters of ${name}`}
        resource={resource}
        onCancel={() => {
          filterAttributionAsk.value = null;
        }}
      />
    );
  }
  if (value === null) {
    return (
      <Button
        onClick={() => {
          askAttribution(attributionAsk.value?.images ?? null, name);
        }}
      >
        Split {name} by groups of filters
      </Button>
    );
  }
  return (
    <>
      <p class="muted">
        {value.parts.length} groups add up to {formatFraction(value.sum)} of the whole change; all
        of {name} at once carries {formatFraction(whole)}. {formatNumber(value.images)}{' '}
        {value.images === 1 ? 'image' : 'images'}.
      </p>
      <CarriedBars
        value={value}
        order="network"
        isSelected={(part) => part.filters?.join() === filters.value.join()}
        drawing={drawing}
        onSelect={(part) => {
          filters.value = part.filters ?? [];
        }}
      />
    </>
  );
}
