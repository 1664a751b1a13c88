/** Signals are the page's own; a test starts from a page that was just opened. */
import { batch } from '@preact/signals';
import { announcement, visible } from '../../src/state/environment';
import * as kernel from '../../src/state/kernel';
import { defaultLayout, layout } from '../../src/state/layout';
import * as matching from '../../src/state/matching';
import { dismissed, raised } from '../../src/state/notices';
import * as probing from '../../src/state/probing';
import * as resources from '../../src/state/resources';
import * as snapshots from '../../src/state/snapshots';
import * as training from '../../src/state/training';
import * as trainingData from '../../src/state/training-data';
import { growth } from '../../src/state/training-live';
import { trainingNetwork } from '../../src/state/training-network';
import * as trainingOther from '../../src/state/training-other';
import * as trend from '../../src/state/trend';
import { applyShared, decode } from '../../src/state/url';

export function resetPage(): void {
  batch(() => {
    applyShared(decode({}));
    for (const resource of [
      resources.listing,
      resources.comparison,
      resources.architecture,
      resources.filterMeasures,
      resources.distribution,
      resources.curves,
      kernel.kernelMap,
      kernel.kernelPlaces,
      kernel.kernelSlice,
      kernel.located,
      kernel.areaDistribution,
      matching.matches,
      probing.imageSets,
      probing.probeModel,
      probing.predictions,
      probing.channelStrip,
      probing.patches,
      probing.channelMap,
      probing.activationMaps,
      probing.flow,
      probing.attribution,
      probing.filterAttribution,
      training.training,
      trainingData.trainingCurves,
      trainingData.trainingClasses,
      trainingData.imageHistory,
      trainingData.layerSeries,
      trainingData.layerBands,
      trainingData.topFilters,
      trainingData.correlation,
      trainingData.forensics,
      trainingNetwork,
      trainingOther.otherTraining,
      trainingOther.otherCurves,
      trainingOther.otherClasses,
      trainingOther.otherSeries,
      trainingOther.otherBands,
    ]) {
      resource.value = { status: 'idle' };
    }
    matching.matchingShown.value = false;
    matching.undoable.value = [];
    matching.unsaved.value = false;
    matching.refusal.value = null;
    trend.trend.value = null;
    trend.trendRows.value = 'top';
    snapshots.lastReady.value = new Map();
    snapshots.rewritten.value = new Set();
    probing.attributionAsk.value = null;
    probing.filterAttributionAsk.value = null;
    probing.flowWanted.value = false;
    probing.shownChannels.value = null;
    probing.uploading.value = { left: 0, problems: [] };
    trainingData.classImages.value = new Map();
    trainingData.filterSeries.value = new Map();
    trainingData.filterNorms.value = new Map();
    trainingData.miniSetSeries.value = new Map();
    training.readLayer.value = null;
    training.distantSections.value = [];
    training.hoveredStep.value = null;
    growth.value = null;
    raised.value = [];
    dismissed.value = new Set();
    announcement.value = '';
    visible.value = true;
    layout.value = defaultLayout();
  });
}
