import type { RefObject } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';

export interface Scrolled {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Which part of a scroller's content is in sight. */
export function useScrolled(scroller: RefObject<HTMLElement | null>): Scrolled {
  const [sight, setSight] = useState<Scrolled>({ left: 0, top: 0, width: 0, height: 0 });
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const look = (): void => {
      const {
        scrollLeft: left,
        scrollTop: top,
        clientWidth: width,
        clientHeight: height,
      } = element;
      setSight((old) =>
        old.left === left && old.top === top && old.width === width && old.height === height
          ? old
          : { left, top, width, height },
      );
    };
    look();
    element.addEventListener('scroll', look, { passive: true });
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => {
      element.removeEventListener('scroll', look);
      observer.disconnect();
    };
  }, [scroller]);
  return sight;
}
