/** The network architecture view: the layers, shaded by how much they differ between a and b. */

import type { JSX } from 'preact';
import { useMemo, useRef } from 'preact/hooks';
import { Button } from '../../elements/Button';
import { EmptyState, FailureState } from '../../elements/EmptyState';
import { Icon } from '../../elements/Icon';
import { Panel } from '../../elements/Panel';
import { useSize } from '../../elements/use-size';
import { Camera } from '../../render/camera';
import { formatCount } from '../../scales/format';
import { shadeKey } from '../../state/carried';
import { retryFailed } from '../../state/environment';
import { pairInFileName } from '../../state/pair-words';
import { architecture, comparison, latest } from '../../state/resources';
import { hoveredLayer, layer } from '../../state/selection';
import { adoptStyles } from '../../theme/styles';
import { Diagram } from './Diagram';
import { csvText, svgText } from './export';
import { FilterStrip } from './FilterStrip';
import { Footer } from './Footer';
import { LayerTable } from './LayerTable';
import * as model from './model';
import css from './network.css?inline';
import { Toolbar } from './Toolbar';
import { useLayout } from './use-layout';
import { describeBox, describeLayer } from './words';

adoptStyles(css);

export function NetworkView(): JSX.Element {
  const svg = useRef<SVGSVGElement>(null);
  const known = latest(architecture.value);
  const empty = known !== null && !known.nodes.some((node) => !node.is_group);
  const usable = known !== null && !empty;
  // A previous pair's values would be saved under the names of the new one.
  const settled = [architecture, comparison].every(({ value }) => value.status !== 'loading');
  return (
    <Panel
      id="network"
      title="Network architecture"
      subtitle={subtitle()}
      controls={usable ? <Toolbar /> : null}
      busy={busy()}
      {...(usable && settled
        ? {
            exports: {
              name: `network-${shadeKey.value}${pairInFileName()}`,
              csv: csvText,
              ...(model.mode.value === 'diagram' ? { svg: () => svgText(svg.current) } : {}),
            },
          }
        : {})}
    >
      {usable ? <Content svg={svg} /> : empty ? <NoLayers /> : <Waiting />}
    </Panel>
  );
}

function Content({ svg }: { readonly svg: { current: SVGSVGElement | null } }) {
  const camera = useMemo(() => new Camera({ minScale: 0.05, maxScale: 3, keepVisible: 80 }), []);
  return (
    <div class="net">
      <FilterStrip />
      {[architecture.value, comparison.value].map(
        (resource, index) =>
          resource.status === 'failed' && (
            <p key={index} class="net-alert" role="alert">
              <Icon name="warning" />
              <span>{resource.failure.message}</span>
              <Button variant="text" onClick={retryFailed}>
                Try again
              </Button>
            </p>
          ),
      )}
      <Stage svg={svg} camera={camera} />
      <Footer camera={camera} />
      <ReadOut />
    </div>
  );
}

function Stage({
  svg,
  camera,
}: {
  readonly svg: { current: SVGSVGElement | null };
  readonly camera: Camera;
}) {
  const stage = useRef<HTMLDivElement>(null);
  const size = useSize(stage);
  const table = model.mode.value === 'table';
  const { drawn, problem } = useLayout(
    model.network.value,
    model.visible.value,
    model.faces.value,
    table ? null : size,
  );
  return (
    <div ref={stage} class="net-stage">
      {table ? (
        <LayerTable />
      ) : problem ? (
        <>
          <p class="net-alert" role="alert">
            <Icon name="warning" />
            <span>The network could not be drawn: {problem}. Its layers are listed instead.</span>
          </p>
          <LayerTable />
        </>
      ) : drawn && size ? (
        <Diagram {...drawn} size={size} svg={svg} camera={camera} />
      ) : (
        <Skeleton />
      )}
    </div>
  );
}

function Skeleton() {
  return (
    <div class="net-skeleton" role="status" aria-label="Drawing the network">
      {Array.from({ length: 8 }, (_, index) => (
        <i key={index} data-small={index % 2 === 1 ? '' : undefined} />
      ))}
    </div>
  );
}

function Waiting() {
  const state = architecture.value;
  if (state.status === 'failed') {
    return <FailureState title="The network could not be read" failure={state.failure} />;
  }
  return (
    <div class="net">
      <div class="net-strip" />
      <div class="net-stage">
        <Skeleton />
      </div>
    </div>
  );
}

function NoLayers() {
  return (
    <EmptyState title="No layers">
      <p>The two snapshots hold no tensors that belong to a layer.</p>
    </EmptyState>
  );
}

function busy() {
  for (const { value } of [comparison, architecture]) {
    if (value.status !== 'loading') continue;
    const { job } = value;
    return {
      label: job?.label ?? 'Comparing',
      fraction: job && job.total > 0 ? job.done / job.total : null,
    };
  }
  return null;
}

function subtitle(): string {
  const selected = model.layers.value.find(({ name }) => name === layer.value);
  if (selected) {
    const weights =
      selected.parameters > 0 ? `${formatCount(selected.parameters)} weights` : 'no weights';
    return `${selected.name} · ${selected.kind} · ${weights}`;
  }
  const all = model.layers.value;
  if (all.length === 0) return '';
  const parameters = all.reduce((sum, entry) => sum + entry.parameters, 0);
  return `${formatCount(all.length)} layers · ${formatCount(parameters, { compact: true })} weights`;
}

/** What is hovered, here or in another view, in words. */
function ReadOut() {
  const name = hoveredLayer.value;
  const face = name === null ? undefined : model.faces.value?.get(name);
  const entry = model.layers.value.find((one) => one.name === name);
  const text = face
    ? describeBox(face, shadeKey.value, model.values.value.get(face.id))
    : entry
      ? describeLayer(
          entry.name,
          entry.kind,
          entry.parameters,
          shadeKey.value,
          model.groupDifference([entry]),
        )
      : '';
  return (
    <div class="visually-hidden" aria-live="polite">
      {text}
    </div>
  );
}
