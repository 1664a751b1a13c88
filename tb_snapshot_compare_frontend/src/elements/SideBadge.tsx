import { adoptStyles } from '../theme/styles';
import css from './SideBadge.css?inline';

adoptStyles(css);

/** The letter of a side in its colour: the letter is always there, colour never alone. */
export function SideBadge({ side }: { readonly side: 'a' | 'b' }) {
  return (
    <span class="side-badge" data-side={side}>
      {side}
    </span>
  );
}
