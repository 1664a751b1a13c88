/** The pass that the dialog of an image tells of. */
import { batch } from '@preact/signals';
import { newestPin, openImageStep, togglePin } from '../../state/training';
import { passes } from './sources';

/** The chosen one, else that of the newest pin, else the last. */
export function outcomePass(): number {
  const steps = passes.value;
  const wanted = [openImageStep.value, newestPin.value];
  const found = wanted.map((step) => (step === null ? -1 : steps.indexOf(step)));
  return found.find((pass) => pass >= 0) ?? steps.length - 1;
}

/** Pins a step, or removes its pin; either way it is what is told of. */
export function lookAt(step: number): void {
  batch(() => {
    togglePin(step);
    openImageStep.value = step;
  });
}

/** Brings the current one into the middle where it is out of sight; scrolls the list alone. */
export function revealCurrent(list: HTMLElement, head = 0): void {
  const element = list.querySelector<HTMLElement>('[aria-current]:not([aria-current="false"])');
  if (!element) return;
  const { scrollTop, clientHeight } = list;
  const top = element.offsetTop - list.offsetTop;
  const bottom = top + element.offsetHeight;
  if (top >= scrollTop + head && bottom <= scrollTop + clientHeight) return;
  list.scrollTop = (top + bottom - clientHeight) / 2;
}
