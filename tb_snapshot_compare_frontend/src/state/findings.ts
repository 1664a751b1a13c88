/** What nobody asked about but should know, and the way from there to its evidence. */
import { batch, computed, signal } from '@preact/signals';
import type { Finding } from '../client/types';
import { revealed } from '../scales/step-zoom';
import { latest } from './resources';
import {
  closedSections,
  filterMeasure,
  hoveredUnit,
  layerKind,
  log,
  onlyTop,
  openClasses,
  openClusters,
  openLayers,
  openUnits,
  pinsByAge,
  type SectionId,
  setPins,
  showPins,
  stepRange,
  steps,
  topLayers,
  units,
  validationOpen,
} from './training';
import { trainingClasses } from './training-data';

const RANK: Readonly<Record<Finding['severity'], number>> = { problem: 0, warning: 1, note: 2 };
/** Of a finding with more steps or classes than can be looked at together. */
const PINS_MOST = 8;
const CLASSES_MOST = 3;

/** Most severe first, and in the order in which they came. */
export const findings = computed<readonly Finding[]>(() =>
  (log.value?.findings ?? []).toSorted((one, other) => RANK[one.severity] - RANK[other.severity]),
);

/** A section that is to be brought into sight; another object asks again. */
export const wantedSection = signal<{ readonly section: SectionId } | null>(null);

export function showSection(section: SectionId): void {
  batch(() => {
    closedSections.value = closedSections.value.filter((closed) => closed !== section);
    wantedSection.value = { section };
  });
}

/** Chooses what a finding is about, where it is seen. */
export function showEvidence(finding: Finding): void {
  batch(() => {
    if (finding.steps.length > 0) showSteps(finding.steps);
    if (finding.view === 'layers') {
      showQuantity(finding.kind);
      showUnits(finding.units, OPENS.has(finding.kind));
    }
    if (finding.view === 'validation') showClasses(finding.classes);
    showSection(finding.view);
  });
}

/** Findings about filters, which are seen among those of their layer. */
const OPENS: ReadonlySet<Finding['kind']> = new Set(['dead_filters', 'not_finite']);

/**
 * Updates tell what did not train, whatever its gradient; norms of weights what is dead. Moving means
 * and variances are among the weights only.
 */
function showQuantity(kind: Finding['kind']): void {
  const known = log.peek();
  const isStuck = kind === 'never_trained' || kind === 'stopped';
  if (isStuck && known?.kinds.includes('update')) layerKind.value = 'update';
  if (kind === 'frozen_statistics' && known?.kinds.includes('weight')) layerKind.value = 'weight';
  if (kind === 'dead_filters' && known?.measures.includes('w_l2')) filterMeasure.value = 'w_l2';
}

/** Pins that stand for the finding that was looked at last. */
const evidence = signal<readonly number[]>([]);

/** In the place of those of another finding; where it began is the newest pin. */
function showSteps(found: readonly number[]): void {
  const pinned = found.slice(0, PINS_MOST);
  const own = pinsByAge().filter((step) => !evidence.peek().includes(step));
  evidence.value = pinned.filter((step) => !own.includes(step));
  setPins([...own, ...pinned.toReversed()]);
  showPins.value = true;
  stepRange.value = pinned.reduce(
    (range, step) => revealed(steps.peek(), range, step),
    stepRange.peek(),
  );
}

/** Opens what lies around units, so that they have rows. */
export function showUnits(paths: readonly string[], filters: boolean): void {
  const known = units.peek().units;
  const around = paths.flatMap((path) => {
    const parents: string[] = [];
    for (let parent = known.get(path)?.parent; parent; parent = known.get(parent)?.parent) {
      parents.push(parent);
    }
    return parents;
  });
  const closed = openUnits.peek().filter((path) => !paths.includes(path));
  openUnits.value = [...new Set([...closed, ...around])];
  const layers = paths.filter((path) => known.get(path)?.is_layer);
  if (filters) openLayers.value = [...new Set([...openLayers.peek(), ...layers.slice(0, 1)])];
  // Among the layers of the top filters they may have no row.
  const top = topLayers.peek();
  if (top !== null && paths.some((path) => !top.includes(path))) onlyTop.value = false;
  hoveredUnit.value = paths[0] ?? null;
}

function showClasses(classes: readonly number[]): void {
  const shown = classes.slice(0, CLASSES_MOST);
  const clusters = latest(trainingClasses.peek())?.cluster;
  const around = shown.flatMap((index) => clusters?.[index] ?? []);
  validationOpen.value = true;
  openClusters.value = [...new Set([...openClusters.peek(), ...around])];
  openClasses.value = [...new Set([...openClasses.peek(), ...shown])];
}
