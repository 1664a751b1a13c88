/** Why the connections of the network are not drawn. */
import { latest } from '../../state/resources';
import { networkSnapshot, trainingNetwork } from '../../state/training-network';
import { graph } from './model';

/** Null while they are drawn, or are still asked for. */
export function withoutNetwork(): string | null {
  if (graph.value !== null) return null;
  const resource = trainingNetwork.value;
  const known = latest(resource);
  if (networkSnapshot.value === null) return unknown('no snapshot of this run can be read.');
  if (resource.status === 'failed') return unknown(resource.failure.message);
  if (known === null) return null;
  if (known.edges.length === 0) return known.note;
  return unknown('the snapshots are of a network with other layers.');
}

function unknown(reason: string): string {
  return `How the layers are connected is not known: ${reason}`;
}
