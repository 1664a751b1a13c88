/** Signals are the page's own; a test starts from a page that was just opened. */
import { batch } from '@preact/signals';
import { announcement, visible } from '../../src/state/environment';
import * as kernel from '../../src/state/kernel';
import { defaultLayout, layout } from '../../src/state/layout';
import { dismissed, raised } from '../../src/state/notices';
import * as probing from '../../src/state/probing';
import * as resources from '../../src/state/resources';
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
    ]) {
      resource.value = { status: 'idle' };
    }
    probing.attributionAsk.value = null;
    probing.filterAttributionAsk.value = null;
    probing.flowWanted.value = false;
    probing.shownChannels.value = null;
    probing.uploading.value = { left: 0, problems: [] };
    raised.value = [];
    dismissed.value = new Set();
    announcement.value = '';
    visible.value = true;
    layout.value = defaultLayout();
  });
}
