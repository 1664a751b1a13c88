import { download, svgToPng } from '../render/export';
import { raise, withdraw } from '../state/notices';
import type { MenuItem } from './Menu';
import type { PanelExports } from './panel-types';

/** A PNG has two pixels per CSS pixel: sharp on most screens and in print. */
const PNG_SCALE = 2;

/** The commands of a panel's export menu. */
export function exportItems(title: string, { name, svg, csv }: PanelExports): MenuItem[] {
  const items: MenuItem[] = [];
  const add = (format: string, save: (file: string) => void | Promise<void>): void => {
    const onSelect = () => void reported(title, format, () => save(`${name}.${format}`));
    items.push({ label: `Export ${format.toUpperCase()}`, onSelect });
  };
  if (svg) {
    add('svg', (file) => saveText(svg(), file));
    add('png', (file) => savePng(svg(), file));
  }
  if (csv) add('csv', (file) => saveText(csv(), file));
  return items;
}

/** A drawing may be too large for the browser, or not there yet: the page says so. */
async function reported(
  title: string,
  format: string,
  save: () => void | Promise<void>,
): Promise<void> {
  const id = `export-${title}`;
  try {
    await save();
    withdraw(id);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const text = `${title} could not be exported as ${format.toUpperCase()}: ${reason}`;
    raise({ id, tone: 'error', text });
  }
}

function saveText(text: string, fileName: string): void {
  const type = fileName.endsWith('.svg') ? 'image/svg+xml' : 'text/csv';
  download(new Blob([text], { type: `${type};charset=utf-8` }), fileName);
}

async function savePng(svg: string, fileName: string): Promise<void> {
  download(await svgToPng(svg, PNG_SCALE), fileName);
}
