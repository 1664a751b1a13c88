/** The keyboard's way along the time axis. */
import { indexAt } from '../scales/steps';
import { hoveredStep, pins, shownRange, steps, togglePin } from '../state/training';
import { goTo, panBy, setRange, zoomIn, zoomOut } from '../state/training-zoom';

const PAGE = 20;
const PAN = 0.25;

/** True when the key was taken. Arrows move the crosshair, brackets go from pin to pin. */
export function axisKey(event: KeyboardEvent): boolean {
  if (isCommand(event)) return false;
  const act =
    event.shiftKey && !isBracket(event.key)
      ? shifted(event.key)
      : (plain(event.key) ?? moved(event.key));
  if (act === null) return false;
  event.preventDefault();
  event.stopPropagation();
  act();
  return true;
}

/** True for what is the browser's. On many keyboards AltGr or Option writes the brackets. */
export function isCommand({ key, ctrlKey, metaKey, altKey }: KeyboardEvent): boolean {
  if (isBracket(key)) return metaKey || (ctrlKey && !altKey);
  return ctrlKey || metaKey || altKey;
}

function isBracket(key: string): boolean {
  return key === '[' || key === ']';
}

/** Where the crosshair is, or begins: the newest step in sight. */
export function cursorStep(): number | null {
  return hoveredStep.value ?? (steps.value.length > 0 ? shownRange.value[1] : null);
}

function plain(key: string): (() => void) | null {
  switch (key) {
    case '+':
    case '=':
      return zoomIn;
    case '-':
      return zoomOut;
    case '0':
      return () => setRange(null);
    case 'Enter':
    case ' ':
      return () => {
        const step = cursorStep();
        if (step !== null) togglePin(step);
      };
    default:
      return null;
  }
}

function shifted(key: string): (() => void) | null {
  if (key === 'ArrowLeft') return () => panBy(-PAN);
  if (key === 'ArrowRight') return () => panBy(PAN);
  // On many keyboards the plus is a shifted key.
  return key === '+' ? zoomIn : null;
}

function moved(key: string): (() => void) | null {
  const step = cursorStep();
  if (step === null) return null;
  const next = target(key, step);
  return next === null ? null : () => goTo(next);
}

function target(key: string, step: number): number | null {
  const all = steps.value;
  const place = indexAt(all, step);
  const at = (index: number) => all[Math.max(0, Math.min(all.length - 1, index))] ?? null;
  switch (key) {
    case 'ArrowLeft':
      return at(place - 1);
    case 'ArrowRight':
      return at(place + 1);
    case 'PageUp':
      return at(place - PAGE);
    case 'PageDown':
      return at(place + PAGE);
    case 'Home':
      return at(0);
    case 'End':
      return at(all.length - 1);
    case '[':
      return pins.value.findLast((pin) => pin < step) ?? null;
    case ']':
      return pins.value.find((pin) => pin > step) ?? null;
    default:
      return null;
  }
}
