import { render } from '../../src/index';
import { pictureAddress } from '../../src/state/probing';
import { pictureOf } from '../../src/state/training';
import { fakePicture } from './fake-probing';
import { FakeServer } from './fake-server';
import { SCENARIOS } from './scenarios';
import { fakeThumbnail } from './training/fake-training';

const name = new URLSearchParams(location.search).get('scenario') ?? 'normal';
const server = new FakeServer(SCENARIOS[name]);
const realFetch = window.fetch;
// Fonts and other files of the page itself still come from the development server.
window.fetch = (input, init) =>
  String(input).startsWith('./') ? server.fetch(input, init) : realFetch(input, init);
pictureAddress.value = fakePicture;
pictureOf.value = fakeThumbnail;
if (name.startsWith('training') && location.hash === '') {
  const pins = name === 'training-pinned' ? '&p.snapshot_compare.pins=209600,644800' : '';
  location.hash = `#snapshot_compare&p.snapshot_compare.page=training${pins}`;
}
void render();
