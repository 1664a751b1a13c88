import type { RefObject } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';

export interface PixelSize {
  readonly width: number;
  readonly height: number;
}

/** The element's content box, kept in step with its layout; null before the first measure. */
export function useSize(element: RefObject<HTMLElement | null>): PixelSize | null {
  const [size, setSize] = useState<PixelSize | null>(null);
  useLayoutEffect(() => {
    const target = element.current;
    if (target === null) return;
    const measure = (): void => {
      const next = { width: target.clientWidth, height: target.clientHeight };
      setSize((last) =>
        last !== null && last.width === next.width && last.height === next.height ? last : next,
      );
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(target);
    return () => observer.disconnect();
  }, [element]);
  return size;
}
