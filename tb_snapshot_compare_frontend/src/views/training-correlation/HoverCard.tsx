import type { JSX } from 'preact';
import { Tooltip } from '../../elements/Tooltip';
import * as model from './model';

/** Exact values of what lies under the pointer. */
export function HoverCard(): JSX.Element | null {
  const at = model.pointed.value;
  if (at === null) return null;
  const { title, lines } = at.words;
  return (
    <Tooltip anchor={at.box} side="below">
      <div class="correlation-card">
        <strong>{title}</strong>
        {lines.map((line) => (
          <div key={line}>{line.charAt(0).toUpperCase() + line.slice(1)}</div>
        ))}
      </div>
    </Tooltip>
  );
}
