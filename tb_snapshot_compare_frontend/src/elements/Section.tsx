import type { ComponentChildren } from 'preact';
import { closedSections } from '../state/training';
import { adoptStyles } from '../theme/styles';
import { BusyBar, busyText } from './BusyBar';
import { Icon } from './Icon';
import { Menu } from './Menu';
import panelCss from './Panel.css?inline';
import { exportItems } from './panel-exports';
import type { SectionProps } from './panel-types';
import css from './Section.css?inline';

adoptStyles(panelCss);
adoptStyles(css);

/**
 * A card of the Training page that can be folded up, as high as its content. Charts fill its
 * content's width: `GUTTER` for labels, the time axis, `MARGIN`.
 */
export function Section(props: SectionProps) {
  const { id, title, subtitle, toolbar, controls, legend, exports, busy, timeless } = props;
  const open = !closedSections.value.includes(id);
  const items = open && exports ? exportItems(title, exports) : [];
  return (
    <section
      class="panel section"
      data-section={id}
      data-timeless={timeless ? '' : undefined}
      data-busy={busy ? '' : undefined}
      aria-busy={busy ? true : undefined}
      aria-labelledby={`section-title-${id}`}
    >
      <header class="panel-header">
        <h2 id={`section-title-${id}`}>
          <button
            type="button"
            class="section-fold"
            aria-expanded={open}
            aria-controls={`section-content-${id}`}
            onClick={() => toggle(id)}
          >
            <Icon name="chevron" />
            {title}
          </button>
        </h2>
        <span class="panel-subtitle tabular" title={subtitle}>
          <span class="panel-subtitle-text">{subtitle}</span>
          {busy && <span class="panel-busy-label">{busyText(busy)}</span>}
        </span>
        <div class="panel-side">
          {open && (
            <div class="panel-tools">
              {toolbar}
              {legend}
            </div>
          )}
          {items.length > 0 && (
            <div class="panel-commands">
              <Menu label={`Export: ${title}`} items={items} />
            </div>
          )}
        </div>
      </header>
      <Content open={open} id={id}>
        {open && controls && <div class="panel-controls">{controls}</div>}
        {open && busy && <BusyBar {...busy} />}
        {open && <div class="panel-content">{props.children}</div>}
      </Content>
    </section>
  );
}

function Content(props: {
  readonly id: string;
  readonly open: boolean;
  readonly children: ComponentChildren;
}) {
  return (
    <div id={`section-content-${props.id}`} hidden={!props.open}>
      {props.children}
    </div>
  );
}

function toggle(id: SectionProps['id']): void {
  const closed = closedSections.value;
  closedSections.value = closed.includes(id)
    ? closed.filter((other) => other !== id)
    : [...closed, id];
}
