/** Finding layers by parts of their name or kind. */
import type { LayerNode } from '../../client/types';

/** Every word must occur; the best match comes first: whole names, then beginnings, then the rest. */
export function matches(layers: readonly LayerNode[], query: string): readonly LayerNode[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  const rank = ({ name }: LayerNode): number => {
    const short = name.slice(name.lastIndexOf('/') + 1).toLowerCase();
    const first = words[0] as string;
    if (short === first) return 0;
    return short.startsWith(first) ? 1 : 2;
  };
  return layers
    .filter(({ name, kind }) => {
      const text = `${name} ${kind}`.toLowerCase();
      return words.every((word) => text.includes(word));
    })
    .map((layer, index) => ({ layer, index }))
    .sort((left, right) => rank(left.layer) - rank(right.layer) || left.index - right.index)
    .map(({ layer }) => layer);
}
