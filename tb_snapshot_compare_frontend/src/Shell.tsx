import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { FailureState } from './elements/EmptyState';
import { Splitter } from './elements/Splitter';
import { Header } from './shell/Header';
import { Notices } from './shell/Notices';
import { type GridPanel, PanelGrid } from './shell/PanelGrid';
import { StatusBar } from './shell/StatusBar';
import css from './shell/shell.css?inline';
import {
  EmptyLogdir,
  NoneReady,
  NothingChosen,
  OnlyOne,
  Scanning,
  SideNotReady,
  Skeleton,
} from './shell/states';
import { announcement } from './state/environment';
import { layout, TIMELINE_BARE, TIMELINE_MAX, TIMELINE_MIN, timelineHeight } from './state/layout';
import { hasCurves, latest, listing } from './state/resources';
import { maximised, selectLayer } from './state/selection';
import {
  readyPair,
  readySnapshots,
  type Side,
  snapshotA,
  snapshotB,
  snapshotsById,
} from './state/snapshots';
import { adoptStyles } from './theme/styles';
import { TimelineView } from './views/timeline/TimelineView';

adoptStyles(css);

export interface ShellProps {
  /** The address of exactly this selection. */
  readonly link: () => string;
  readonly NetworkView: ComponentType;
  readonly DistributionView: ComponentType;
}

export function Shell({ link, NetworkView, DistributionView }: ShellProps) {
  useEffect(() => {
    window.addEventListener('keydown', onEscape);
    return () => window.removeEventListener('keydown', onEscape);
  }, []);
  return (
    <div class="shell">
      <Content link={link} NetworkView={NetworkView} DistributionView={DistributionView} />
      <div class="visually-hidden" role="status" aria-live="polite">
        {announcement.value}
      </div>
    </div>
  );
}

function Content({ link, NetworkView, DistributionView }: ShellProps) {
  const resource = listing.value;
  const known = latest(resource);
  if (!known) {
    if (resource.status !== 'failed') return <Skeleton />;
    return (
      <FailureState title="The list of snapshots could not be read" failure={resource.failure} />
    );
  }
  if (snapshotsById.value.size === 0) {
    return (
      <>
        <Notices />
        {known.scanning ? <Scanning listing={known} /> : <EmptyLogdir listing={known} />}
      </>
    );
  }
  const large = maximised.value;
  return (
    <>
      <Header link={link} />
      <Notices />
      <div
        class="shell-timeline"
        hidden={large !== null && large !== 'timeline'}
        style={timelineSize()}
      >
        <TimelineView />
      </div>
      {large === null && (hasCurves.value ? <TimelineSplitter /> : <div class="shell-gap" />)}
      <main class="shell-main" hidden={large === 'timeline'}>
        <Comparing NetworkView={NetworkView} DistributionView={DistributionView} />
      </main>
      <StatusBar />
    </>
  );
}

function Comparing({ NetworkView, DistributionView }: Omit<ShellProps, 'link'>) {
  if (readyPair.value) {
    return <PanelGrid rows={panelRows(NetworkView, DistributionView)} />;
  }
  return (
    <div class="shell-instead">
      <InsteadOfPanels />
    </div>
  );
}

function InsteadOfPanels() {
  const all = [...snapshotsById.value.values()];
  const ready = readySnapshots.value;
  if (ready.length === 0) return <NoneReady snapshots={all} />;
  for (const side of ['a', 'b'] as const satisfies readonly Side[]) {
    const snapshot = (side === 'a' ? snapshotA : snapshotB).value;
    if (snapshot && snapshot.state !== 'ready')
      return <SideNotReady side={side} snapshot={snapshot} />;
  }
  if (ready.length === 1) return <OnlyOne snapshots={all} />;
  const known = latest(listing.value);
  return known?.scanning ? <Scanning listing={known} /> : <NothingChosen />;
}

/** The grid of panels, row by row: later views take their places here. */
function panelRows(
  NetworkView: ComponentType,
  DistributionView: ComponentType,
): readonly (readonly GridPanel[])[] {
  return [
    [
      { id: 'network', name: 'network', View: NetworkView },
      { id: 'distribution', name: 'distribution', View: DistributionView },
    ],
  ];
}

function timelineSize(): { height?: string; flex?: string } {
  if (maximised.value === 'timeline') return { flex: '1' };
  const height = timelineHeight(layout.value, window.innerHeight);
  return { height: `${hasCurves.value ? height : Math.min(height, TIMELINE_BARE)}px` };
}

function TimelineSplitter() {
  const set = (timeline: number | null) => {
    layout.value = { ...layout.value, timeline };
  };
  return (
    <Splitter
      label="Border below the timeline"
      orientation="horizontal"
      value={timelineHeight(layout.value, window.innerHeight)}
      min={TIMELINE_MIN}
      max={TIMELINE_MAX}
      onChange={set}
      onReset={() => set(null)}
    />
  );
}

/** Escape restores a maximised panel, or deselects the layer, unless something nearer took it. */
function onEscape(event: KeyboardEvent): void {
  if (event.key !== 'Escape' || event.defaultPrevented) return;
  if (event.target instanceof Element && event.target.matches('input, select')) return;
  if (maximised.value !== null) maximised.value = null;
  else selectLayer(null);
}
