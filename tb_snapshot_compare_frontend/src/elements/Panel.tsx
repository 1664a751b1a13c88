import { maximised } from '../state/selection';
import { adoptStyles } from '../theme/styles';
import { BusyBar, busyText } from './BusyBar';
import { Button } from './Button';
import { Icon } from './Icon';
import { Menu } from './Menu';
import css from './Panel.css?inline';
import { exportItems } from './panel-exports';
import type { PanelProps } from './panel-types';

adoptStyles(css);

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
