/** A card beside a thing that is hovered or focused. The pointer goes through it. */
import type { ComponentChildren, JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { adoptStyles } from '../theme/styles';
import css from './Tooltip.css?inline';
import { type Box, placeTooltip } from './tooltip-place';

adoptStyles(css);

export interface TooltipProps {
  /** In pixels of the viewport; null hides the tooltip. */
  readonly anchor: Box | null;
  /** For `aria-describedby` of what is described. */
  readonly id?: string;
  /** Where it lies when there is room on both sides. */
  readonly side?: 'above' | 'below';
  readonly children: ComponentChildren;
}

export function Tooltip({ anchor, id, side, children }: TooltipProps): JSX.Element | null {
  const card = useRef<HTMLDivElement>(null);

  useLayoutEffect(() => {
    const element = card.current;
    if (element === null || anchor === null) return;
    // The top layer: neither clipped by a panel nor displaced by its containment.
    if (!element.matches(':popover-open')) element.showPopover();
    const { width, height } = element.getBoundingClientRect();
    const viewport = { width: window.innerWidth, height: window.innerHeight };
    const { x, y } = placeTooltip(anchor, { width, height }, viewport, side);
    element.style.left = `${Math.round(x)}px`;
    element.style.top = `${Math.round(y)}px`;
  });

  if (anchor === null) return null;
  return (
    <div ref={card} id={id} class="tooltip" role="tooltip" popover="manual">
      {children}
    </div>
  );
}
