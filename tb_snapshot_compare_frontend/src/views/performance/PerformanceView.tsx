/** What both snapshots make of pictures: predictions, patches, all images, maps, and why. */
import type { JSX, RefObject } from 'preact';
import { useRef } from 'preact/hooks';
import type { Job } from '../../client/types';
import { FailureState } from '../../elements/EmptyState';
import { Panel } from '../../elements/Panel';
import type { PanelProps } from '../../elements/panel-types';
import { Segments } from '../../elements/Segments';
import { currentImage, currentSet, hasImages } from '../../state/probe-images';
import * as probing from '../../state/probing';
import { type ProbeTab, tab } from '../../state/probing-choice';
import { latest, type Resource } from '../../state/resources';
import { channel, layer } from '../../state/selection';
import { adoptStyles } from '../../theme/styles';
import { ActivationsTab } from './ActivationsTab';
import { exportsOf } from './exports';
import { FilterRow } from './FilterRow';
import { FlowTab } from './FlowTab';
import { LayersTab } from './LayersTab';
import { PatchesTab } from './PatchesTab';
import { PredictionsTab } from './PredictionsTab';
import { PreparingButton } from './Preparing';
import css from './performance.css?inline';
import { Strip } from './Strip';
import { ModelFailed, ModelUnavailable, NoImages, Skeleton } from './states';
import { DropZone, UploadButton, UploadProblems } from './Upload';

adoptStyles(css);

const TABS: readonly { readonly value: ProbeTab; readonly label: string }[] = [
  { value: 'predictions', label: 'Predictions' },
  { value: 'patches', label: 'Patches' },
  { value: 'activations', label: 'Activations' },
  { value: 'flow', label: 'All images' },
  { value: 'layers', label: 'Which layer' },
];

/** Sub-views that show the progress of their first answer themselves. */
const SHOWS_PROGRESS: readonly ProbeTab[] = ['flow', 'layers'];

export function PerformanceView(): JSX.Element {
  const drawing = useRef<SVGSVGElement>(null);
  const usable = hasImages.value && latest(probing.probeModel.value)?.state === 'ready';
  const exports = usable ? exportsOf(drawing) : null;
  return (
    <Panel
      id="performance"
      title="Performance"
      subtitle={subtitle()}
      controls={hasImages.value ? <Controls /> : null}
      busy={busy()}
      {...(exports && { exports })}
    >
      <DropZone>
        <Body drawing={drawing} />
      </DropZone>
    </Panel>
  );
}

function Controls(): JSX.Element {
  return (
    <>
      <Segments
        label="Show"
        value={tab.value}
        options={TABS}
        onChange={(next) => {
          tab.value = next;
        }}
      />
      <div class="perf-commands">
        <PreparingButton />
        <UploadButton />
      </div>
    </>
  );
}

function Body({ drawing }: { readonly drawing: RefObject<SVGSVGElement | null> }): JSX.Element {
  const listed = probing.imageSets.value;
  const known = latest(listed);
  if (!known) {
    return listed.status === 'failed' ? (
      <FailureState title="The probe images could not be listed" failure={listed.failure} />
    ) : (
      <Skeleton label="Listing probe images" />
    );
  }
  if (!hasImages.value) return <NoImages sets={known} />;
  return (
    <div class="perf-body">
      <div class="perf-top">
        <FilterRow />
        <Strip />
        <SetProblems />
        <UploadProblems />
      </div>
      <div class="perf-tab">
        <TabBody drawing={drawing} />
      </div>
    </div>
  );
}

function TabBody({ drawing }: { readonly drawing: RefObject<SVGSVGElement | null> }): JSX.Element {
  const resource = probing.probeModel.value;
  const model = latest(resource);
  if (resource.status === 'failed') return <ModelFailed failure={resource.failure} />;
  if (!model) return <Skeleton label="Building both networks" />;
  if (model.state === 'unavailable') return <ModelUnavailable model={model} />;
  switch (tab.value) {
    case 'predictions':
      return <PredictionsTab drawing={drawing} />;
    case 'patches':
      return <PatchesTab />;
    case 'flow':
      return <FlowTab drawing={drawing} />;
    case 'activations':
      return <ActivationsTab />;
    case 'layers':
      return <LayersTab drawing={drawing} />;
  }
}

function SetProblems(): JSX.Element | null {
  const set = currentSet.value;
  if (!set || (set.problem === null && set.truncated === 0)) return null;
  return (
    <p class="perf-note" role="note">
      {set.problem}
      {set.truncated > 0 && ` ${set.truncated.toLocaleString('en-US')} more images are left out.`}
    </p>
  );
}

/** `image_0042.png · conv5 channel 12` */
function subtitle(): string {
  const name = currentImage.value?.name;
  const chosen = channel.value;
  const of = chosen && `${layer.value} ${chosen.side} channel ${chosen.index}`;
  return [name, of].filter(Boolean).join(' · ');
}

/** What is shown already and asked for anew; what is asked for first has a place of its own. */
function busy(): NonNullable<PanelProps['busy']> | null {
  const watched: readonly (readonly [Resource<unknown>, string])[] = [
    [probing.probeModel.value, 'Building both networks'],
    [ofTab(), 'Running'],
  ];
  for (const [resource, label] of watched) {
    if (resource.status !== 'loading') continue;
    if (SHOWS_PROGRESS.includes(tab.value) && resource.stale === null) continue;
    return { label: resource.job?.label ?? label, fraction: fractionOf(resource.job) };
  }
  return null;
}

function ofTab(): Resource<unknown> {
  switch (tab.value) {
    case 'predictions':
      return probing.predictions.value;
    case 'patches':
      return probing.patches.value;
    case 'flow':
      return probing.flow.value;
    case 'activations':
      return probing.channelStrip.value.status === 'loading'
        ? probing.channelStrip.value
        : probing.activationMaps.value;
    case 'layers':
      return probing.attribution.value;
  }
}

function fractionOf(job: Job | null): number | null {
  return job !== null && job.total > 0 ? job.done / job.total : null;
}
