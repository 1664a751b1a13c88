/** The slices that differ most, as a table: the map for those who read rather than look. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { EmptyState } from '../../elements/EmptyState';
import { formatFraction, formatNumber } from '../../scales/format';
import { kernelPlaces, type TileFeed } from '../../state/kernel';
import { metricInfo } from '../../state/metrics';
import { latest } from '../../state/resources';
import { largestPixels, type Pixel } from './largest';
import { measureName, metricOf } from './quantities';
import { storedIndex } from './words';

export const ROWS_MOST = 200;

type Found =
  | { readonly status: 'loading' }
  | { readonly status: 'failed'; readonly message: string }
  | { readonly status: 'ready'; readonly pixels: readonly Pixel[] };

export function SliceTable({ feed }: { readonly feed: TileFeed | null }): JSX.Element {
  const [found, setFound] = useState<Found>({ status: 'loading' });
  useEffect(() => {
    if (!feed) return;
    const stop = new AbortController();
    setFound({ status: 'loading' });
    largestPixels(feed, ROWS_MOST, stop.signal).then(
      (pixels) => {
        if (!stop.signal.aborted) setFound({ status: 'ready', pixels });
      },
      (error: Error) => {
        if (!stop.signal.aborted) setFound({ status: 'failed', message: error.message });
      },
    );
    return () => stop.abort();
  }, [feed]);
  if (found.status === 'failed') {
    return (
      <EmptyState icon="warning" tone="error" title="The slices could not be read">
        <p>{found.message}</p>
      </EmptyState>
    );
  }
  if (feed === null || found.status === 'loading') {
    return <div class="kernel-skeleton" role="status" aria-label="Looking for the largest" />;
  }
  return <Rows feed={feed} pixels={found.pixels} />;
}

function Rows({
  feed: { map },
  pixels,
}: {
  readonly feed: TileFeed;
  readonly pixels: readonly Pixel[];
}): JSX.Element {
  const places = latest(kernelPlaces.value);
  const info = metricInfo(metricOf(map.measure));
  const format = info.kind === 'fraction' ? formatFraction : formatNumber;
  return (
    <section
      class="kernel-table"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region must be reachable by keyboard
      tabIndex={0}
      aria-label={`Slices of ${map.tensor} that differ most`}
    >
      <table>
        <thead>
          <tr>
            <th scope="col">#</th>
            <th scope="col">{map.column_word}</th>
            <th scope="col">{map.row_word}</th>
            <th scope="col">{measureName(map.measure)}</th>
          </tr>
        </thead>
        <tbody>
          {pixels.map((pixel, rank) => {
            const first = storedIndex(map, places, pixel.first);
            const last = storedIndex(map, places, pixel.last);
            return (
              <tr key={`${pixel.first.row} ${pixel.first.column}`}>
                <th scope="row">{rank + 1}</th>
                <td>{spanOf(first?.column, last?.column)}</td>
                <td>{spanOf(first?.row, last?.row)}</td>
                <td>{format(pixel.value, 4, { padded: true })}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function spanOf(first: number | undefined, last: number | undefined): string {
  if (first === undefined || last === undefined) return '…';
  return first === last ? String(first) : `${first} … ${last}`;
}
