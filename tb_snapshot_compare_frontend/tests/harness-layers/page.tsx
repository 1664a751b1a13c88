/** The view alone, with a made-up log: `?net=small&chart=bands&open=conv2&filters=conv1&dark=1`. */
import { render } from 'preact';
import { filters, layer } from '../../src/state/selection';
import * as state from '../../src/state/training';
import { installTheme, setDark } from '../../src/theme/theme';
import { LayersView } from '../../src/views/training-layers/LayersView';
import { answerFrom } from './answering';
import { deepNetwork, logOf, resNet50, smallNetwork } from './log';

const query = new URLSearchParams(location.search);
const LOGS = {
  resnet: () => logOf(resNet50(), 757, 1600),
  small: () => logOf(smallNetwork(), 12, 100, { run: 'mnist', findings: [] }),
  deep: () => logOf(deepNetwork(200), 757, 1600),
  empty: () => logOf([], 0, 1, { note: 'No dump was recorded yet.', state: 'empty' }),
};

installTheme();
setDark(query.has('dark'));
const log = LOGS[(query.get('net') ?? 'resnet') as keyof typeof LOGS]();
state.page.value = 'training';
state.layerChart.value = (query.get('chart') ?? 'horizon') as state.LayerChart;
state.layerKind.value = query.get('kind') as state.LayerKind | null;
state.layerStatistic.value = query.get('statistic') ?? 'l1';
state.filterScale.value = (query.get('scale') ?? 'filter') as state.FilterScale;
state.sameScale.value = query.has('same');
state.horizonMirror.value = !query.has('hang');
state.openUnits.value = query.getAll('open');
state.openLayers.value = query.getAll('filters');
if (query.has('pins')) {
  state.pins.value = log.incidents.map((dump) => log.training.dumps[dump] as number);
}
state.onlyTop.value = query.has('top');
if (query.has('range')) {
  state.stepRange.value = (query.get('range') ?? '').split(',').map(Number) as [number, number];
}
const chosen = query.get('chosen');
if (chosen) {
  layer.value = chosen;
  filters.value = [7];
}
answerFrom(log);
const root = document.getElementById('root') as HTMLElement;
root.style.cssText = 'padding:12px';
render(<LayersView />, root);
