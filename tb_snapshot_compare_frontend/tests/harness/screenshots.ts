/**
 * Takes pictures of the development page to look at:
 * `node tests/harness/screenshots.ts FOLDER [SCENARIO...]`.
 */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright';
import { createServer } from 'vite';

const SIZES = [
  { width: 1280, height: 720 },
  { width: 1920, height: 1000 },
];
const [folder = '../tests/output/harness', ...wanted] = process.argv.slice(2);

mkdirSync(folder, { recursive: true });
const server = await createServer({
  configFile: fileURLToPath(new URL('vite.config.ts', import.meta.url)),
  server: { host: '127.0.0.1', port: 0 },
});
await server.listen();
const { SCENARIOS } = await server.ssrLoadModule('/scenarios.ts');
const names = wanted.length > 0 ? wanted : Object.keys(SCENARIOS);
const address = server.resolvedUrls?.local[0];
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
for (const colorScheme of ['light', 'dark'] as const) {
  for (const viewport of SIZES) {
    const context = await browser.newContext({ colorScheme, viewport });
    for (const name of names) {
      const page = await context.newPage();
      page.on('console', (message) => console.log(`${name}: ${message.text()}`));
      page.on('pageerror', (error) => console.log(`${name}: ${error.stack}`));
      await page.goto(`${address}?scenario=${name}`);
      await page.waitForTimeout(1500);
      await page.screenshot({ path: `${folder}/${name}-${colorScheme}-${viewport.width}.png` });
      await page.close();
    }
    await context.close();
  }
}
await browser.close();
await server.close();
