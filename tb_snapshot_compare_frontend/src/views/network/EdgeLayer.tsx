import { memo } from '../../elements/memo';
import type { RoutedEdge } from '../../workers/layout/types';

/** All edges but the quiet ones, which are drawn only while an end of theirs is highlighted. */
export const EdgeLayer = memo(function EdgeLayer({
  edges,
}: {
  readonly edges: readonly RoutedEdge[];
}) {
  return (
    <g class="net-edges">
      {edges
        .filter((edge) => !edge.quiet)
        .map((edge) => (
          <path
            key={`${edge.kind} ${edge.path}`}
            class={`net-edge net-edge-${edge.kind}`}
            d={edge.path}
            marker-end={edge.arrow ? 'url(#net-arrow)' : undefined}
          />
        ))}
    </g>
  );
});
