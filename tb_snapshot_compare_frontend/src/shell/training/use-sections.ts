import { useSignalEffect } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';
import { wantedSection } from '../../state/findings';
import { distantSections, type SectionId } from '../../state/training';

/** Between the axis and a section that was brought into sight. */
const GAP = 8;
/** The way there takes no longer; where there is no way, nothing ends. */
const SMOOTH_MS = 1000;
/** What is this far from the screen is made ready before it is scrolled to. */
const NEAR = '300px';

/** Tells which sections are out of sight, and brings the one that is wanted into it. */
export function useSections(scroller: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const root = scroller.current;
    if (root === null) return;
    const distant = new Set<SectionId>();
    const observer = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) {
          const id = (target as HTMLElement).dataset.slot as SectionId;
          if (isIntersecting) distant.delete(id);
          else distant.add(id);
        }
        distantSections.value = [...distant];
      },
      { root, rootMargin: NEAR },
    );
    for (const slot of root.querySelectorAll('[data-slot]')) observer.observe(slot);
    return () => {
      observer.disconnect();
      distantSections.value = [];
    };
  }, [scroller]);

  useSignalEffect(() => {
    const wanted = wantedSection.value;
    const root = scroller.current;
    if (wanted === null || root === null) return;
    // The section may have been folded up: it has its height after it is drawn.
    const frame = requestAnimationFrame(() => reveal(root, wanted.section));
    return () => cancelAnimationFrame(frame);
  });
}

/** What is above the section may grow while it is scrolled to: then it is brought there again. */
function reveal(root: HTMLElement, section: SectionId): void {
  const slot = root.querySelector<HTMLElement>(`[data-slot="${section}"]`);
  const stack = slot?.parentElement;
  if (!slot || !stack) return;
  const target = () => {
    const head = root.querySelector<HTMLElement>('.training-head')?.offsetHeight ?? 0;
    const top = slot.offsetTop + stack.offsetTop - head - GAP;
    return Math.max(0, Math.min(top, root.scrollHeight - root.clientHeight));
  };
  const first = target();
  const still = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
  root.scrollTo({ top: first, behavior: still ? 'instant' : 'smooth' });
  slot.querySelector<HTMLElement>('.section-fold')?.focus({ preventScroll: true });
  const arrived = () => {
    clearTimeout(timer);
    root.removeEventListener('scrollend', arrived);
    // Else somebody scrolled on.
    if (Math.abs(root.scrollTop - first) < 2) root.scrollTop = target();
  };
  const timer = setTimeout(arrived, SMOOTH_MS);
  root.addEventListener('scrollend', arrived);
}
