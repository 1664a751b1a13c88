import type { RefObject } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';

/** Beyond both edges, so that what is scrolled to is there before it is seen. */
const SPARE = 300;
/** The stretch grows and shrinks in steps, or every pixel scrolled would draw anew. */
const STEP = 150;

export interface Sight {
  /** Pixels from the element's top. */
  readonly top: number;
  readonly bottom: number;
}

/** Which stretch of a tall element is in sight, whatever scrolls it, with some to spare. */
export function useSight(element: RefObject<HTMLElement | null>): Sight {
  const [sight, setSight] = useState<Sight>({ top: 0, bottom: 1200 });
  useLayoutEffect(() => {
    const target = element.current;
    if (target === null) return;
    const clips = clipping(target);
    const look = (): void => {
      const next = sightOf(target, clips);
      setSight((old) => (old.top === next.top && old.bottom === next.bottom ? old : next));
    };
    look();
    const observer = new ResizeObserver(look);
    for (const each of [target, ...clips]) observer.observe(each);
    const options = { capture: true, passive: true };
    window.addEventListener('scroll', look, options);
    window.addEventListener('resize', look);
    return () => {
      observer.disconnect();
      window.removeEventListener('scroll', look, options);
      window.removeEventListener('resize', look);
    };
  }, [element]);
  return sight;
}

function clipping(element: HTMLElement): readonly HTMLElement[] {
  const clips: HTMLElement[] = [];
  for (let around = element.parentElement; around !== null; around = around.parentElement) {
    if (getComputedStyle(around).overflowY !== 'visible') clips.push(around);
  }
  return clips;
}

function sightOf(element: HTMLElement, clips: readonly HTMLElement[]): Sight {
  const { top, height } = element.getBoundingClientRect();
  const frames = clips.map((clip) => clip.getBoundingClientRect());
  const from = Math.max(0, ...frames.map((frame) => frame.top));
  const to = Math.min(window.innerHeight, ...frames.map((frame) => frame.bottom));
  const first = Math.floor((from - top - SPARE) / STEP) * STEP;
  const last = Math.ceil((to - top + SPARE) / STEP) * STEP;
  return { top: Math.max(0, first), bottom: Math.max(0, Math.min(height + SPARE, last)) };
}
