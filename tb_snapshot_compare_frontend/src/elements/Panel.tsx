import { download, svgToPng } from '../render/export';
import { raise, withdraw } from '../state/notices';
import { maximised } from '../state/selection';
import { adoptStyles } from '../theme/styles';
import { Button } from './Button';
import { Icon } from './Icon';
import { Menu, type MenuItem } from './Menu';
import css from './Panel.css?inline';
import type { PanelExports, PanelProps } from './panel-types';

adoptStyles(css);

/** A PNG has two pixels per CSS pixel: sharp on most screens and in print. */
const PNG_SCALE = 2;

/** A card with a header: title, what it shows, its tools, its downloads, maximise. */
export function Panel(props: PanelProps) {
  const { id, title, subtitle, toolbar, controls, legend, exports, busy, children } = props;
  const large = maximised.value === id;
  const items = exports ? exportItems(title, exports) : [];
  const toggle = () => {
    maximised.value = large ? null : id;
  };
  return (
    <section
      class="panel"
      data-panel={id}
      data-busy={busy ? '' : undefined}
      aria-busy={busy ? true : undefined}
      aria-labelledby={`panel-title-${id}`}
    >
      <header class="panel-header">
        <h2 id={`panel-title-${id}`}>{title}</h2>
        <span class="panel-subtitle tabular" title={subtitle}>
          <span class="panel-subtitle-text">{subtitle}</span>
          {busy && <span class="panel-busy-label">{busyText(busy)}</span>}
        </span>
        <div class="panel-side">
          <div class="panel-tools">
            {toolbar}
            {legend}
          </div>
          <div class="panel-commands">
            {items.length > 0 && <Menu label={`Export: ${title}`} items={items} />}
            <Button
              variant="icon"
              label={large ? `Restore: ${title}` : `Maximise: ${title}`}
              aria-pressed={large}
              onClick={toggle}
            >
              <Icon name={large ? 'restore' : 'maximise'} />
            </Button>
          </div>
        </div>
      </header>
      {controls && <div class="panel-controls">{controls}</div>}
      {busy && <BusyBar {...busy} />}
      <div class="panel-content">{children}</div>
    </section>
  );
}

function BusyBar({ label, fraction }: NonNullable<PanelProps['busy']>) {
  const percent = percentOf(fraction);
  return (
    <div
      class="panel-busy"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent ?? undefined}
    >
      <div
        class={percent === null ? 'panel-busy-bar panel-busy-unknown' : 'panel-busy-bar'}
        style={percent === null ? undefined : { width: `${percent}%` }}
      />
    </div>
  );
}

function busyText({ label, fraction }: NonNullable<PanelProps['busy']>): string {
  const percent = percentOf(fraction);
  return percent === null ? `${label}…` : `${percent}\u00a0% · ${label}`;
}

function percentOf(fraction: number | null): number | null {
  return fraction === null ? null : Math.round(fraction * 100);
}

function exportItems(title: string, { name, svg, csv }: PanelExports): MenuItem[] {
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
