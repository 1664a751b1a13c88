import { useEffect, useRef, useState } from 'preact/hooks';

const DURATION_MS = 140;

/**
 * Numbers that move to their targets in a short time. They jump when `identity` (what the numbers
 * are about) or their count changes, and when the reader prefers reduced motion.
 */
export function useTween(targets: readonly number[], identity: unknown): readonly number[] {
  const shown = useRef(targets);
  const about = useRef(identity);
  const [, redraw] = useState(0);
  const key = targets.join(' ');

  if (about.current !== identity || shown.current.length !== targets.length) {
    about.current = identity;
    shown.current = targets;
  }

  useEffect(() => {
    const from = shown.current;
    if (from.join(' ') === key) return;
    if (document.hidden || matchMedia('(prefers-reduced-motion: reduce)').matches) {
      shown.current = targets;
      redraw((count) => count + 1);
      return;
    }
    const start = performance.now();
    let frame = requestAnimationFrame(function step(now) {
      const share = Math.min(1, Math.max(0, (now - start) / DURATION_MS));
      const eased = 1 - (1 - share) ** 3;
      shown.current =
        share === 1
          ? targets
          : targets.map((target, index) => {
              const origin = from[index] as number;
              return origin + (target - origin) * eased;
            });
      redraw((count) => count + 1);
      if (share < 1) frame = requestAnimationFrame(step);
    });
    return () => cancelAnimationFrame(frame);
  }, [key, identity]);

  return shown.current;
}
