/**
 * Takes pictures of the layer view to look at:
 * `node tests/harness-layers/screenshots.ts FOLDER [NAME...]`.
 */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright';
import { createServer } from 'vite';

const SCENES: Readonly<Record<string, string>> = {
  horizon: '',
  signed: 'statistic=mean',
  hang: 'statistic=mean&hang',
  line: 'chart=line&same',
  box: 'chart=box&kind=weight',
  bands: 'chart=bands',
  opened: 'open=conv3&open=conv3/block1&open=conv3/block2',
  filters: 'open=conv3&open=conv3/block1&filters=conv3/block1/conv2&filters=conv1&chosen=conv1',
  wide: 'open=conv5&open=conv5/block1&filters=conv5/block1/conv3&scale=dump',
  top: 'pins&top&chart=line',
  zoomed: 'chart=box&range=300000,330000&filters=conv1&scale=all',
  small: 'net=small&filters=conv1',
  smallbox: 'net=small&chart=box',
  smallline: 'net=small&chart=line&kind=update',
  deep: 'net=deep',
  empty: 'net=empty',
};
const [folder = '../tests/output/layers', ...wanted] = process.argv.slice(2);

mkdirSync(folder, { recursive: true });
const server = await createServer({
  configFile: fileURLToPath(new URL('../harness/vite.config.ts', import.meta.url)),
  root: fileURLToPath(new URL('.', import.meta.url)),
  server: { host: '127.0.0.1', port: 0 },
});
await server.listen();
const address = server.resolvedUrls?.local[0];
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
const names = wanted.length > 0 ? wanted : Object.keys(SCENES);
for (const dark of ['', '&dark']) {
  for (const width of [1280, 1920]) {
    const page = await browser.newPage({ viewport: { width, height: 760 } });
    page.on('console', (message) => {
      if (message.type() === 'error') console.log(message.text());
    });
    page.on('pageerror', (error) => console.log(error.stack));
    for (const name of names) {
      await page.goto(`${address}?${SCENES[name]}${dark}`);
      await page.waitForTimeout(1200);
      const theme = dark ? 'dark' : 'light';
      await page.screenshot({ path: `${folder}/layers-${name}-${theme}-${width}.png` });
    }
    await page.close();
  }
}
await browser.close();
await server.close();
