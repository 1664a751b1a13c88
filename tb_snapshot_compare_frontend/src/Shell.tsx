import type { ComponentChildren, ComponentType } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Listing } from './client/types';
import { FailureState } from './elements/EmptyState';
import { Splitter } from './elements/Splitter';
import { Header } from './shell/Header';
import { LazyMatching } from './shell/LazyMatching';
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
import { maximised, selectLayer, type ViewId } from './state/selection';
import {
  readyPair,
  readySnapshots,
  runs,
  type Side,
  snapshotA,
  snapshotB,
  snapshotsById,
} from './state/snapshots';
import { type Page, page } from './state/training';
import { trendHeight } from './state/trend';
import { adoptStyles } from './theme/styles';
import { TimelineView } from './views/timeline/TimelineView';

adoptStyles(css);

/** The views of the grid; those that a page does without leave no gap. */
export interface Views {
  readonly NetworkView: ComponentType;
  readonly DistributionView: ComponentType;
  readonly ConvolutionView?: ComponentType | undefined;
  readonly PerformanceView?: ComponentType | undefined;
  /** Without it there is one page. */
  readonly TrainingPage?: ComponentType | undefined;
}

export interface ShellProps extends Views {
  /** The address of exactly this selection. */
  readonly link: () => string;
}

export function Shell(props: ShellProps) {
  useEffect(() => {
    window.addEventListener('keydown', onEscape);
    return () => window.removeEventListener('keydown', onEscape);
  }, []);
  return (
    <div class="shell" data-page={page.value}>
      <Content {...props} />
      <div class="visually-hidden" role="status" aria-live="polite">
        {announcement.value}
      </div>
    </div>
  );
}

function Content({ link, TrainingPage, ...views }: ShellProps) {
  const resource = listing.value;
  const known = latest(resource);
  if (!known) {
    if (resource.status !== 'failed') return <Skeleton />;
    return (
      <FailureState title="The list of snapshots could not be read" failure={resource.failure} />
    );
  }
  const none = snapshotsById.value.size === 0;
  const pages = TrainingPage !== undefined;
  if (none && !(pages && runs.value.some(({ has_log }) => has_log))) {
    return (
      <>
        <Notices />
        <NoSnapshots listing={known} />
      </>
    );
  }
  return (
    <>
      <Header link={link} pages={pages} />
      <Notices />
      {TrainingPage ? (
        <>
          <OnPage name="compare">
            {none ? <NoSnapshots listing={known} /> : <ComparePage {...views} />}
          </OnPage>
          <OnPage name="training">
            <TrainingPage />
          </OnPage>
        </>
      ) : (
        <ComparePage {...views} />
      )}
      <StatusBar />
      <LazyMatching />
    </>
  );
}

/** A page that was on show once stays as it is while the other is. */
function OnPage({ name, children }: { readonly name: Page; readonly children: ComponentChildren }) {
  const seen = useRef(false);
  const shown = page.value === name;
  if (shown) seen.current = true;
  return (
    <div class="shell-page" hidden={!shown}>
      {seen.current && children}
    </div>
  );
}

function NoSnapshots({ listing }: { readonly listing: Listing }) {
  return listing.scanning ? <Scanning listing={listing} /> : <EmptyLogdir listing={listing} />;
}

function ComparePage(views: Views) {
  // What is said instead of the panels must not be hidden by one of them.
  const large = readyPair.value ? maximised.value : null;
  return (
    <>
      <div
        class="shell-timeline"
        hidden={large !== null && large !== 'timeline'}
        style={timelineSize(large)}
      >
        <TimelineView />
      </div>
      {large === null && (hasCurves.value ? <TimelineSplitter /> : <div class="shell-gap" />)}
      <main class="shell-main" tabIndex={-1} hidden={large === 'timeline'}>
        <Comparing {...views} />
      </main>
    </>
  );
}

function Comparing(views: Views) {
  if (readyPair.value) return <PanelGrid rows={panelRows(views)} />;
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

type Slot = Omit<GridPanel, 'View'> & { readonly View: ComponentType | undefined };

/** The grid of panels, row by row. */
function panelRows(views: Views): readonly (readonly GridPanel[])[] {
  const rows: readonly (readonly Slot[])[] = [
    [
      { id: 'network', name: 'network', View: views.NetworkView },
      { id: 'distribution', name: 'distribution', View: views.DistributionView },
    ],
    [
      { id: 'convolution', name: 'convolution', View: views.ConvolutionView },
      { id: 'performance', name: 'performance', View: views.PerformanceView },
    ],
  ];
  return rows
    .map((panels) => panels.filter((panel): panel is GridPanel => panel.View !== undefined))
    .filter((panels) => panels.length > 0);
}

function timelineSize(large: ViewId | null): { height?: string; flex?: string } {
  if (large === 'timeline') return { flex: '1' };
  const height = timelineHeight(layout.value, window.innerHeight);
  const curves = hasCurves.value ? height : Math.min(height, TIMELINE_BARE);
  return { height: `${curves + trendHeight.value}px` };
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
  if (event.key !== 'Escape' || event.defaultPrevented || page.value !== 'compare') return;
  if (event.target instanceof Element && event.target.matches('input, select')) return;
  if (maximised.value !== null) maximised.value = null;
  else selectLayer(null);
}
