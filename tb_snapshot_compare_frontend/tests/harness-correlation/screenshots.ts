/**
 * Takes pictures of the correlation view on the development page to look at:
 * `node tests/harness-correlation/screenshots.ts FOLDER [NAME...]`.
 */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright';
import { createServer } from 'vite';

const SCENES: Readonly<Record<string, string>> = {
  matrix: 'least=2&relation=simple',
  sets: 'least=2&relation=full&kept=1',
  cube: 'least=2&relation=cube&kept=1',
  oblique: 'least=2&relation=cube&cube=oblique&kept=1',
  empty: 'least=51&relation=full',
};
const [folder = '../tests/output/correlation', ...wanted] = process.argv.slice(2);
const CLOSED = 'closed=findings,model,forensics,validation,layers&pins=209600,644800';

mkdirSync(folder, { recursive: true });
const server = await createServer({
  configFile: fileURLToPath(new URL('../harness/vite.config.ts', import.meta.url)),
  server: { host: '127.0.0.1', port: 0 },
});
await server.listen();
const address = server.resolvedUrls?.local[0];
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
const names = wanted.length > 0 ? wanted : Object.keys(SCENES);
for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1280, 1920]) {
    const context = await browser.newContext({ colorScheme, viewport: { width, height: 1000 } });
    for (const name of names) {
      const page = await context.newPage();
      page.on('console', (message) => {
        if (message.type() === 'error') console.log(`${name}: ${message.text()}`);
      });
      page.on('pageerror', (error) => console.log(`${name}: ${error.stack}`));
      const keys = `page=training&${CLOSED}&${SCENES[name]}`;
      const hash = keys.split('&').map((key) => `p.snapshot_compare.${key}`);
      await page.goto(`${address}?scenario=training#snapshot_compare&${hash.join('&')}`);
      await page.waitForSelector('.correlation-chosen, .empty-state');
      await page.waitForTimeout(1200);
      const grid = page.locator('.correlation-scroller').first();
      if ((await grid.count()) > 0) {
        const box = await grid.boundingBox();
        if (box) await page.mouse.move(box.x + box.width * 0.3, box.y + box.height * 0.4);
        await page.waitForTimeout(300);
      }
      await page.screenshot({ path: `${folder}/correlation-${name}-${colorScheme}-${width}.png` });
      await page.close();
    }
    await context.close();
  }
}
await browser.close();
await server.close();
