/** The keyboard's way through the tree, as WAI-ARIA describes it for trees. */
import type { TreeItem } from './tree';

export type TreeAct =
  | { readonly kind: 'move'; readonly path: string }
  | { readonly kind: 'open' | 'close' | 'expand'; readonly path: string };

/** `current` is where the keys are; null for a key that does nothing. */
export function treeAct(
  items: readonly TreeItem[],
  current: string | null,
  key: string,
): TreeAct | null {
  const found = items.findIndex(({ unit }) => unit.path === current);
  const at = Math.max(0, found);
  const item = items[at];
  if (item === undefined) return null;
  const { path } = item.unit;
  const to = (index: number): TreeAct | null => {
    const next = items[Math.max(0, Math.min(items.length - 1, index))];
    return next ? { kind: 'move', path: next.unit.path } : null;
  };
  switch (key) {
    case 'ArrowDown':
      return to(at + 1);
    case 'ArrowUp':
      return to(at - 1);
    case 'Home':
      return to(0);
    case 'End':
      return to(items.length - 1);
    case 'ArrowRight':
      if (item.open) return to(at + 1);
      return item.children > 0 ? { kind: 'open', path } : null;
    case 'ArrowLeft':
      if (item.open) return { kind: 'close', path };
      return item.parent === null ? null : { kind: 'move', path: item.parent };
    case 'Enter':
    case ' ':
      if (item.open) return { kind: 'close', path };
      if (item.children > 0) return { kind: 'open', path };
      return item.expands ? { kind: 'expand', path } : null;
    default:
      return null;
  }
}
