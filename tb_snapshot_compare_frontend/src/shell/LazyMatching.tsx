import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { matchingShown } from '../state/matching';
import { raise } from '../state/notices';

/** The dialog is fetched when somebody opens it. */
export function LazyMatching() {
  const [Dialog, setDialog] = useState<ComponentType | null>(null);
  const shown = matchingShown.value;
  useEffect(() => {
    if (!shown || Dialog) return;
    import('./MatchingDialog').then(
      (loaded) => setDialog(() => loaded.MatchingDialog),
      () => {
        matchingShown.value = false;
        const text = 'The matching could not be loaded. Reload the page.';
        raise({ id: 'matching', tone: 'error', text });
      },
    );
  }, [shown, Dialog]);
  return shown && Dialog ? <Dialog /> : null;
}
