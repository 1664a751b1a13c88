/** The view alone: `?data=large&dark&closed&classes&open=3&cluster=0&image=7&width=1280`. */
import { render } from 'preact';
import * as state from '../../src/state/training';
import { installTheme, setDark } from '../../src/theme/theme';
import * as model from '../../src/views/training-validation/model';
import { ValidationView } from '../../src/views/training-validation/ValidationView';
import { type RecordingOptions, recordingOf } from './recording';
import { showRecording } from './show';

const SMALL: RecordingOptions = {
  ...{ classes: 4, images: 12, passes: 12, interval: 500, runLength: 2, suggested: null },
  names: ['cat', 'dog', 'ship', 'truck'],
};
const LARGE: RecordingOptions = { classes: 1000, images: 50, passes: 757, interval: 1600 };

const query = new URLSearchParams(location.search);
const numbers = (key: string): number[] => query.getAll(key).map(Number);

installTheme();
setDark(query.has('dark'));
showRecording(recordingOf(query.get('data') === 'small' ? SMALL : LARGE));
state.page.value = 'training';
state.validationOpen.value = !query.has('closed');
state.clustered.value = !query.has('classes');
state.openClusters.value = numbers('cluster');
state.openImage.value = numbers('image')[0] ?? null;
state.pinMode.value = !query.has('nopin');
if (query.has('probability')) state.imageShade.value = 'probability';
if (query.has('peak')) state.classOrder.value = 'peak';
state.openClasses.value = numbers('open').map(classAt);

const root = document.getElementById('root') as HTMLElement;
root.style.cssText = 'padding:12px';
render(<ValidationView />, root);
document.body.dataset.ready = '';

/** The class in a place of the list, where it is still closed. */
function classAt(place: number): number {
  const lines = model.layout.peek().lines.filter(({ kind }) => kind === 'class');
  const line = lines[place];
  return line?.kind === 'class' ? line.index : place;
}
