/** What changes with the pointer and the selection, drawn over the boxes without redrawing them. */
import type { ReadonlySignal } from '@preact/signals';
import { hoveredLayer, layer } from '../../state/selection';
import type { LayoutResult, Rect } from '../../workers/layout/types';
import type { Hovered } from './HoverCard';
import * as model from './model';
import { footKey, type Target } from './navigation';
import { boxOfLayer } from './visible';

export interface OverlayProps {
  readonly layout: LayoutResult;
  readonly targets: readonly Target[];
  readonly hovered: ReadonlySignal<Hovered | null>;
}

const OUTSET = 3;

function placeOfLayer(name: string, { targets, layout }: OverlayProps): Rect | null {
  const foot = targets.find((target) => target.key === footKey(name));
  if (foot) return foot;
  const { network, visible } = { network: model.network.value, visible: model.visible.value };
  const box = network && visible ? boxOfLayer(network, visible, name) : null;
  return layout.boxes.find(({ id }) => id === box) ?? null;
}

export function Overlay(props: OverlayProps) {
  const { layout, hovered } = props;
  const pointed = hovered.value?.box ?? null;
  const elsewhere = hoveredLayer.value;
  const focus = pointed ?? model.selectedBox.value;
  const selected = layer.value === null ? null : placeOfLayer(layer.value, props);
  const hover =
    (pointed && layout.boxes.find(({ id }) => id === pointed)) ||
    (elsewhere !== null && placeOfLayer(elsewhere, props)) ||
    null;
  const strong = focus
    ? layout.edges.filter((edge) => edge.sources.includes(focus) || edge.targets.includes(focus))
    : [];
  return (
    <g class="net-overlay">
      {hover && <Outline place={hover} kind="hover" />}
      {selected && <Outline place={selected} kind="selected" />}
      {strong.map((edge) => (
        <path
          key={`${edge.kind} ${edge.path}`}
          class="net-edge net-edge-strong"
          data-export={pointed ? 'skip' : undefined}
          d={edge.path}
          marker-end={edge.arrow ? 'url(#net-arrow-strong)' : undefined}
        />
      ))}
    </g>
  );
}

/** Two strokes, so that the outline shows on every fill. */
function Outline({ place, kind }: { readonly place: Rect; readonly kind: 'hover' | 'selected' }) {
  const shape = {
    x: place.x - OUTSET,
    y: place.y - OUTSET,
    width: place.width + 2 * OUTSET,
    height: place.height + 2 * OUTSET,
    rx: place.height < 24 ? 5 : 9,
  };
  const skip = kind === 'hover' ? 'skip' : undefined;
  return (
    <g data-export={skip}>
      <rect class="net-halo" {...shape} />
      <rect class={`net-${kind}`} {...shape} />
    </g>
  );
}
