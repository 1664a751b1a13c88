/** The drawing and its data as files. */
import { toCsv } from '../../render/csv';
import { inlineSvg } from '../../render/export';
import { formatMeasure } from '../../scales/format';
import { metricInfo } from '../../state/metrics';
import { metric } from '../../state/selection';
import * as model from './model';
import { csvRows, layerRows } from './table-rows';

const MARGIN = 16;
const CAPTION = 54;
const LEGEND_WIDTH = 160;
const LEGEND_STEPS = 32;

export function csvText(): string {
  return toCsv(csvRows(layerRows(model.layers.value, model.differences.value)));
}

/** The whole drawing at its natural size, whatever part of it is on screen, with its legend. */
export function svgText(svg: SVGSVGElement | null): string {
  const content = svg?.querySelector<SVGGElement>(':scope > g');
  if (!svg || !content) throw new Error('the network is not drawn yet; try again in a moment');
  const { x, y, width, height } = content.getBBox();
  const shown = content.getAttribute('transform');
  const [wide, high] = [Math.max(width, 420) + 2 * MARGIN, height + 2 * MARGIN + CAPTION];
  const legend = legendOf(y + height + MARGIN + 8, x);
  svg.append(legend);
  svg.setAttribute('viewBox', `${x - MARGIN} ${y - MARGIN} ${wide} ${high}`);
  content.removeAttribute('transform');
  try {
    return inlineSvg(svg)
      .replace(/(<svg[^>]*?) width="[^"]*"/, `$1 width="${Math.round(wide)}"`)
      .replace(/(<svg[^>]*?) height="[^"]*"/, `$1 height="${Math.round(high)}"`);
  } finally {
    legend.remove();
    svg.removeAttribute('viewBox');
    if (shown !== null) content.setAttribute('transform', shown);
  }
}

function element(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  text = '',
): SVGElement {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.textContent = text;
  return made;
}

function legendOf(y: number, x: number): SVGElement {
  const group = element('g', { class: 'net-export-legend' });
  const top = model.domain.value[1];
  const label = metricInfo(metric.value).label;
  group.append(element('text', { class: 'net-subtitle', x, y: y + 8 }, label));
  const step = LEGEND_WIDTH / LEGEND_STEPS;
  for (let index = 0; index < LEGEND_STEPS; index++) {
    const fill = model.color.value((top * index) / (LEGEND_STEPS - 1));
    group.append(
      element('rect', { x: x + index * step, y: y + 14, width: step + 0.3, height: 8, fill }),
    );
  }
  const end = formatMeasure(metric.value, top);
  group.append(
    element('text', { class: 'net-subtitle', x, y: y + 34 }, '0'),
    element('text', { class: 'net-value-end', x: x + LEGEND_WIDTH, y: y + 34 }, end),
  );
  return group;
}
