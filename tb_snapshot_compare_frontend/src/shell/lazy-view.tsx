import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { EmptyState } from '../elements/EmptyState';
import { Panel } from '../elements/Panel';
import type { ViewId } from '../state/selection';
import { Skeleton } from './states';

type Load = () => Promise<ComponentType>;

/**
 * A view in a file of its own. Where it is on show first it is fetched at once and beside the page's
 * first requests, else when it is shown; until it is there its panel stands empty.
 */
export function lazyView(id: ViewId, title: string, load: Load, first = true): ComponentType {
  const loading = fetchedOnce(load, first);
  return function LazyView() {
    const { View, failed } = useLoaded(loading);
    if (View) return <View />;
    return (
      <Panel id={id} title={title}>
        {failed && <NotLoaded what="view" />}
      </Panel>
    );
  };
}

/** A page in a file of its own, in the same way; until it is there its outline is shown. */
export function lazyPage(load: Load, first: boolean): ComponentType {
  const loading = fetchedOnce(load, first);
  return function LazyPage() {
    const { View, failed } = useLoaded(loading);
    if (View) return <View />;
    return failed ? <NotLoaded what="page" /> : <Skeleton />;
  };
}

function NotLoaded({ what }: { readonly what: string }) {
  return (
    <EmptyState icon="warning" tone="error" title={`This ${what} could not be loaded`}>
      <p>Reload the page; if that does not help, restart TensorBoard.</p>
    </EmptyState>
  );
}

function fetchedOnce(load: Load, atOnce: boolean): Load {
  let loading: Promise<ComponentType> | null = null;
  const get = () => {
    loading ??= load();
    return loading;
  };
  // Whoever shows it reports a failure.
  if (atOnce) get().catch(() => undefined);
  return get;
}

function useLoaded(loading: Load) {
  const [View, setView] = useState<ComponentType | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    loading().then(
      (loaded) => setView(() => loaded),
      () => setFailed(true),
    );
  }, [loading]);
  return { View, failed };
}
