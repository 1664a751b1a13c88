/** Which classes have a row, and in which order. */

export interface ListingQuery {
  /** All classes, in order. */
  readonly order: readonly number[];
  readonly peaks: Int32Array;
  readonly threshold: number;
  /** Whether classes below the threshold are listed too. */
  readonly all: boolean;
  /** Their names contain it; empty lists by the threshold. */
  readonly query: string;
  readonly names: readonly string[];
  /** They stay listed. */
  readonly opened: readonly number[];
}

export interface ListedClasses {
  readonly listed: readonly number[];
  /** How many are not, for their peak is below the threshold. */
  readonly below: number;
}

/** Whoever searches wants to find, whether the class has an anomaly or not. */
export function listClasses(query: ListingQuery): ListedClasses {
  const { order, peaks, threshold, all, opened, names } = query;
  const wanted = query.query.trim().toLowerCase();
  if (wanted !== '') {
    const listed = order.filter((index) => (names[index] ?? '').toLowerCase().includes(wanted));
    return { listed, below: 0 };
  }
  const open = new Set(opened);
  const listed = all
    ? order
    : order.filter((index) => (peaks[index] as number) >= threshold || open.has(index));
  return { listed, below: order.length - listed.length };
}

/** The classes of each cluster in the given order, best cluster first. */
export function clustersOf(cluster: Int32Array, order: readonly number[]): number[][] {
  const clusters: number[][] = [];
  for (const index of order) {
    const place = cluster[index] as number;
    while (clusters.length <= place) clusters.push([]);
    clusters[place]?.push(index);
  }
  return clusters;
}
