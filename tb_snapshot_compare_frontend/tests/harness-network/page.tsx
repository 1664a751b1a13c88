/** The view alone, with a made-up network: `?net=alexNet&width=1280&height=420&dark=1&layer=conv3`. */
import { render } from 'preact';
import { architecture, comparison, filterMeasures } from '../../src/state/resources';
import { layer, toggledGroups } from '../../src/state/selection';
import { installTheme, setDark } from '../../src/theme/theme';
import * as model from '../../src/views/network/model';
import { NetworkView } from '../../src/views/network/NetworkView';
import { compared, filtersOf, NETWORKS, type NetworkName } from './networks';

const query = new URLSearchParams(location.search);
const text = (key: string, fallback: string): string => query.get(key) ?? fallback;

installTheme();
setDark(query.has('dark'));
const net = NETWORKS[text('net', 'alexNet') as NetworkName]();
architecture.value = { status: 'ready', value: net };
comparison.value = query.has('pending')
  ? { status: 'loading', job: null, stale: null }
  : { status: 'ready', value: compared(net) };
toggledGroups.value = query.getAll('toggle');
const chosen = query.get('layer');
if (chosen) {
  layer.value = chosen;
  const filters = Number(text('filters', '256'));
  filterMeasures.value = { status: 'ready', value: filtersOf(chosen, filters) };
}
if (query.has('table')) model.mode.value = 'table';
if (query.has('full')) model.compact.value = false;
const root = document.getElementById('root') as HTMLElement;
root.style.cssText = `width:${text('width', '1280')}px;height:${text('height', '460')}px;padding:12px`;
render(<NetworkView />, root);
