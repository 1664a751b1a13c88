/** What is under the pointer: its position, and its values in a and b. */
import type { JSX } from 'preact';
import type { KernelMap, KernelSlice } from '../../client/types';
import { formatMeasure, formatNumber, formatSigned } from '../../scales/format';
import { kernelPlaces, kernelSlice } from '../../state/kernel';
import { channelStrip } from '../../state/probing';
import { latest } from '../../state/resources';
import { kernelQuantity } from '../../state/selection';
import type { Place, Projection } from './geometry';
import type { MapDrawing } from './MapDrawing';
import { asShown, measureName, measureOf, metricOf, quantityName, type Shown } from './quantities';
import { positionOf, rootMeanSquare, storedIndex, valueText } from './words';

export interface HoverCardProps {
  readonly map: KernelMap;
  readonly projection: Projection;
  readonly weight: Place;
  readonly drawing: MapDrawing;
  readonly shown: Shown;
}

export function HoverCard(props: HoverCardProps): JSX.Element {
  const { map, projection, weight } = props;
  const places = latest(kernelPlaces.value);
  const cell = projection.cellOf(weight);
  const index = storedIndex(map, places, cell);
  const slice = latest(kernelSlice.value);
  const exact = slice && slice.row === index?.row && slice.column === index.column ? slice : null;
  const inner = {
    row: weight.row - cell.row * map.cell_rows,
    column: weight.column - cell.column * map.cell_columns,
  };
  return (
    <div class="kernel-readout">
      <strong>
        {positionOf(map, places, cell)}
        {projection.open && map.cell_rows * map.cell_columns > 1 && (
          <span class="muted">{` · weight ${inner.row}, ${inner.column}`}</span>
        )}
      </strong>
      <dl>
        {exact === null ? (
          <Approximate {...props} />
        ) : projection.open ? (
          <>
            <dt class="a">a</dt>
            <dd>{valueText(exact, 'a', inner.row, inner.column)}</dd>
            <dt class="b">b</dt>
            <dd>{valueText(exact, 'b', inner.row, inner.column)}</dd>
            <dt>b − a</dt>
            <dd>{signedText(exact.difference[inner.row]?.[inner.column])}</dd>
          </>
        ) : (
          <>
            <dt>{measureName(map.measure)}</dt>
            <dd>{perWeight(map, exact)}</dd>
            <dt>
              RMS in <span class="a">a</span>
            </dt>
            <dd>{formatNumber(rootMeanSquare(exact.a), 4)}</dd>
            <dt>
              RMS in <span class="b">b</span>
            </dt>
            <dd>{formatNumber(rootMeanSquare(exact.b), 4)}</dd>
          </>
        )}
      </dl>
    </div>
  );
}

/** From the tiles, until the exact values are there: as many lines, so that nothing jumps. */
function Approximate({ map, weight, drawing, shown }: HoverCardProps): JSX.Element {
  const found = drawing.valueAt(weight.row, weight.column);
  return (
    <>
      <dt>{quantityName(map, shown, kernelQuantity.value)}</dt>
      <dd>{found ? `≈ ${shown.format(asShown(shown, found.value))}` : '…'}</dd>
      <dt>&nbsp;</dt>
      <dd>&nbsp;</dd>
      <dt>&nbsp;</dt>
      <dd>&nbsp;</dd>
    </>
  );
}

/** Flips of a mean weight are no count. */
function perWeight(map: KernelMap, slice: KernelSlice): string {
  const metric = metricOf(map.measure);
  const value = measureOf(map, slice);
  return metric === 'sign_flips' ? formatNumber(value, 3) : formatMeasure(metric, value);
}

interface StripCardProps {
  readonly map: KernelMap;
  readonly side: 'top' | 'left';
  readonly place: number;
}

export function StripCard({ map, side, place }: StripCardProps): JSX.Element {
  const places = latest(kernelPlaces.value);
  const cell = side === 'top' ? { row: 0, column: place } : { row: place, column: 0 };
  const known = storedIndex(map, places, cell);
  const index = side === 'top' ? known?.column : known?.row;
  const word = side === 'top' ? map.column_word : map.row_word;
  const channels = side === 'top' ? map.columns_are_channels : map.rows_are_channels;
  return (
    <div class="kernel-readout">
      <strong>{`${word} ${index ?? '…'}`}</strong>
      {channels ? (
        <p class="muted">{activation(map, side, index)}</p>
      ) : (
        <p class="muted">Not a channel: it has no activation map.</p>
      )}
    </div>
  );
}

function activation(map: KernelMap, side: 'top' | 'left', index: number | undefined): string {
  const resource = channelStrip.value;
  if (resource.status === 'failed') return resource.failure.message;
  const strip = latest(resource);
  if (strip === null || strip.layer !== map.layer) {
    return resource.status === 'loading'
      ? 'Comparing the activations…'
      : 'Choose a probe image in the performance view to see how much its activation differs.';
  }
  const values = side === 'top' ? strip.outputs : strip.inputs;
  if (values.length === 0) return 'What feeds this layer is not one layer with channels.';
  const value = index === undefined ? null : (values[index] ?? null);
  return `Difference of its activation, ‖map b − map a‖: ${formatNumber(value, 3)}. Click to select.`;
}

function signedText(value: number | null | undefined): string {
  return value === null || value === undefined ? 'not finite' : formatSigned(value, 5);
}
