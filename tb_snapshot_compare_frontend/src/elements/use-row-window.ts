import type { RefObject } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';

/** Rows beyond both edges, so that a scrolled table is never blank and Tab finds a next row. */
const SPARE = 8;

export interface RowWindow {
  readonly first: number;
  /** Exclusive. */
  readonly end: number;
}

/** The rows of a long table that are in sight of its scrolled container, with some to spare. */
export function useRowWindow(
  container: RefObject<HTMLElement | null>,
  rows: number,
  rowHeight: number,
): RowWindow {
  const [sight, setSight] = useState({ top: 0, height: 600 });
  useLayoutEffect(() => {
    const element = container.current;
    if (element === null) return;
    const look = (): void => {
      const next = { top: element.scrollTop, height: element.clientHeight };
      setSight((last) => (last.top === next.top && last.height === next.height ? last : next));
    };
    look();
    element.addEventListener('scroll', look, { passive: true });
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => {
      element.removeEventListener('scroll', look);
      observer.disconnect();
    };
  }, [container]);
  const first = Math.floor(sight.top / rowHeight) - SPARE;
  const end = Math.ceil((sight.top + sight.height) / rowHeight) + SPARE;
  return { first: Math.max(0, Math.min(rows, first)), end: Math.max(0, Math.min(rows, end)) };
}
