import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { EmptyState } from '../elements/EmptyState';
import { Panel } from '../elements/Panel';
import type { ViewId } from '../state/selection';

/**
 * A view in a file of its own, fetched at once and beside the page's first requests; until it is
 * there its panel stands empty.
 */
export function lazyView(
  id: ViewId,
  title: string,
  load: () => Promise<ComponentType>,
): ComponentType {
  const loading = load();
  // Whoever shows the view reports it.
  loading.catch(() => undefined);
  return function LazyView() {
    const [View, setView] = useState<ComponentType | null>(null);
    const [failed, setFailed] = useState(false);
    useEffect(() => {
      loading.then(
        (loaded) => setView(() => loaded),
        () => setFailed(true),
      );
    }, []);
    if (View) return <View />;
    return (
      <Panel id={id} title={title}>
        {failed && (
          <EmptyState icon="warning" tone="error" title="This view could not be loaded">
            <p>Reload the page; if that does not help, restart TensorBoard.</p>
          </EmptyState>
        )}
      </Panel>
    );
  };
}
