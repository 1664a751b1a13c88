/** Asks how the layers of the training on show are connected. */
import { Api } from '../client/Api';
import type { Client } from '../client/Client';
import { keepInStep } from './fetching';
import { isShown, log } from './training';
import { networkSnapshot, trainingNetwork } from './training-network';

/** Starts following; ends with the function that it returns. */
export function followNetwork(client: Client): () => void {
  const api = new Api(client);
  return keepInStep(
    trainingNetwork,
    () => {
      const snapshot = networkSnapshot.value;
      const run = log.value?.run ?? '';
      if (snapshot === null) return { key: '', ask: null };
      return {
        key: `${snapshot.id} ${snapshot.generation}`,
        subject: run,
        ask: (follow) => api.architecture([snapshot, snapshot], follow),
      };
    },
    { when: () => isShown('layers') },
  );
}
