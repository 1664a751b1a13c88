import { useSignalEffect } from '@preact/signals';
import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import { GUTTER } from '../../scales/steps';
import { SECTION_EDGE } from './scale';

const INDENT = 12;

/** A text left of the axis that follows the crosshair without drawing anything else anew. */
export function GutterText({ text }: { readonly text: () => string }): JSX.Element {
  const element = useRef<HTMLSpanElement>(null);
  useSignalEffect(() => {
    const now = text();
    if (element.current !== null) element.current.textContent = now;
  });
  return (
    <span
      ref={element}
      class="gutter-text"
      style={{ width: `${GUTTER + SECTION_EDGE - INDENT}px` }}
    />
  );
}
