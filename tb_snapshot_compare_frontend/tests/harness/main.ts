import { render } from '../../src/index';
import { pictureAddress } from '../../src/state/probing';
import { fakePicture } from './fake-probing';
import { FakeServer } from './fake-server';
import { SCENARIOS } from './scenarios';

const name = new URLSearchParams(location.search).get('scenario') ?? 'normal';
const server = new FakeServer(SCENARIOS[name]);
const realFetch = window.fetch;
// Fonts and other files of the page itself still come from the development server.
window.fetch = (input, init) =>
  String(input).startsWith('./') ? server.fetch(input, init) : realFetch(input, init);
pictureAddress.value = fakePicture;
void render();
