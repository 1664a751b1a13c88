/** Signals are the page's own; a test starts from a page that was just opened. */
import { batch } from '@preact/signals';
import { announcement, visible } from '../../src/state/environment';
import { defaultLayout, layout } from '../../src/state/layout';
import { dismissed, raised } from '../../src/state/notices';
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
    ]) {
      resource.value = { status: 'idle' };
    }
    raised.value = [];
    dismissed.value = new Set();
    announcement.value = '';
    visible.value = true;
    layout.value = defaultLayout();
  });
}
