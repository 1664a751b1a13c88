import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { adoptStyles } from '../theme/styles';
import css from './Popover.css?inline';

adoptStyles(css);

const GAP = 4;
const MARGIN = 8;

export interface PopoverProps {
  /** The element that it belongs to: placed under it, or above where there is more room. */
  readonly anchor: HTMLElement;
  readonly onClose: () => void;
  readonly align?: 'start' | 'end';
  readonly class?: string;
  readonly children: ComponentChildren;
}

/** Floats over everything else; closes on Escape, on a click elsewhere and when focus leaves. */
export function Popover({ anchor, onClose, align = 'start', children, ...rest }: PopoverProps) {
  const element = useRef<HTMLDivElement>(null);

  useLayoutEffect(() => {
    const popover = element.current;
    if (!popover) return;
    popover.showPopover();
    const update = () => place(popover, anchor, align);
    update();
    const observer = new ResizeObserver(update);
    observer.observe(popover);
    window.addEventListener('resize', update);
    return () => {
      observer.disconnect();
      window.removeEventListener('resize', update);
    };
  }, [anchor, align]);

  // Effects after a paint are undone after one: what is closed would take the focus back meanwhile.
  useLayoutEffect(() => {
    const onOutside = (event: Event) => {
      const target = event.target as Node;
      if (!element.current?.contains(target) && !anchor.contains(target)) onClose();
    };
    const onEscape = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      event.preventDefault();
      event.stopPropagation();
      onClose();
      anchor.focus();
    };
    document.addEventListener('pointerdown', onOutside, true);
    document.addEventListener('focusin', onOutside);
    document.addEventListener('keydown', onEscape, true);
    return () => {
      document.removeEventListener('pointerdown', onOutside, true);
      document.removeEventListener('focusin', onOutside);
      document.removeEventListener('keydown', onEscape, true);
    };
  }, [anchor, onClose]);

  return (
    <div ref={element} popover="manual" class={['popover', rest.class].filter(Boolean).join(' ')}>
      {children}
    </div>
  );
}

function place(popover: HTMLElement, anchor: HTMLElement, align: 'start' | 'end'): void {
  const box = anchor.getBoundingClientRect();
  const below = window.innerHeight - box.bottom - GAP - MARGIN;
  const above = box.top - GAP - MARGIN;
  const up = below < Math.min(popover.scrollHeight, 320) && above > below;
  const wanted = align === 'start' ? box.left : box.right - popover.offsetWidth;
  const rightmost = window.innerWidth - popover.offsetWidth - MARGIN;
  popover.style.maxHeight = `${Math.max(120, up ? above : below)}px`;
  popover.style.left = `${Math.max(MARGIN, Math.min(wanted, rightmost))}px`;
  popover.style.top = up ? 'auto' : `${box.bottom + GAP}px`;
  popover.style.bottom = up ? `${window.innerHeight - box.top + GAP}px` : 'auto';
}
