/** What every channel of the selected layer makes of the image, in a, in b, and the difference. */
import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { ActivationMaps, MapStack } from '../../client/types';
import { Button } from '../../elements/Button';
import { FailureState } from '../../elements/EmptyState';
import { Icon } from '../../elements/Icon';
import { Segments } from '../../elements/Segments';
import type { Theme } from '../../scales/color';
import { formatCount, formatNumber, formatShape } from '../../scales/format';
import { dark } from '../../state/environment';
import { currentImage, probeLayer } from '../../state/probe-images';
import { activationMaps, channelStrip, shownChannels } from '../../state/probing';
import { isStale, latest } from '../../state/resources';
import { channel, selectChannel, selectLayer } from '../../state/selection';
import { rank } from './ChannelPicker';
import {
  type ChannelMaps,
  channelMaps,
  type MapKind,
  type MapRange,
  mapOf,
  mapPixels,
  mapRange,
} from './maps';
import { MapLegend } from './PatchesTab';
import { paint } from './Picture';
import { Hint, Note, Waiting } from './states';

const PAGE = 24;
const KINDS: readonly MapKind[] = ['a', 'b', 'difference'];
const KIND_WORDS = { a: 'a', b: 'b', difference: 'b − a' } as const;
const ORDERS = [
  { value: 'difference', label: 'By difference' },
  { value: 'index', label: 'By index' },
] as const;
const SCALES = [
  { value: 'shared', label: 'Shared shades' },
  { value: 'own', label: 'By channel' },
] as const;

const order = signal<'difference' | 'index'>('difference');
const scale = signal<'shared' | 'own'>('shared');
const page = signal(0);

export function ActivationsTab(): JSX.Element {
  const image = currentImage.value;
  const layer = probeLayer.value;
  const resource = channelStrip.value;
  const strip = latest(resource);
  const isOf = (value: { layer: string; image: string } | null) =>
    value !== null && value.layer === layer?.name && value.image === image?.id;
  const outputs = isOf(strip) ? (strip?.outputs ?? null) : null;
  const maps = latest(activationMaps.value);
  const ranked = useMemo(
    () =>
      order.value === 'index'
        ? [...(outputs ?? []).keys()]
        : rank(outputs ?? []).map(({ index }) => index),
    [outputs, order.value],
  );
  const pages = Math.max(1, Math.ceil(ranked.length / PAGE));
  const at = Math.min(page.value, pages - 1);
  const channels = useMemo(() => ranked.slice(at * PAGE, (at + 1) * PAGE), [ranked, at]);

  useEffect(() => {
    page.value = 0;
  }, [layer?.name, order.value]);
  useEffect(() => {
    shownChannels.value = channels;
    return () => {
      shownChannels.value = null;
    };
  }, [channels]);

  if (!image) return <Hint>Choose an image above.</Hint>;
  if (!layer) {
    return <Hint>Select a layer whose output has channels, in the network architecture.</Hint>;
  }
  if (resource.status === 'failed') {
    return <FailureState title={`${layer.name} could not be run`} failure={resource.failure} />;
  }
  if (outputs === null) return <Waiting label={`Running ${layer.name}`} />;
  return (
    <div class="perf-activations">
      <div class="perf-bar-row">
        <span>
          <b class="tabular">{formatCount(outputs.length)}</b> channels of <b>{layer.name}</b>{' '}
          <span class="muted">{formatShape(layer.shape)}</span>
        </span>
        {layer.input_layer !== null && (
          <Button variant="text" onClick={() => selectLayer(layer.input_layer)}>
            Input: {layer.input_layer}
          </Button>
        )}
        <Segments
          small
          label="Order of the channels"
          value={order.value}
          options={ORDERS}
          onChange={(next) => {
            order.value = next;
          }}
        />
        <Segments
          small
          label="Range of the shades"
          value={scale.value}
          options={SCALES}
          onChange={(next) => {
            scale.value = next;
          }}
        />
        {pages > 1 && <Pager at={at} pages={pages} count={ranked.length} />}
      </div>
      <Grid channels={channels} values={outputs} value={isOf(maps) ? maps : null} />
    </div>
  );
}

function Pager({
  at,
  pages,
  count,
}: {
  readonly at: number;
  readonly pages: number;
  readonly count: number;
}): JSX.Element {
  const go = (next: number): void => {
    page.value = Math.max(0, Math.min(pages - 1, next));
  };
  return (
    <nav class="perf-pager" aria-label="Channels">
      <Button
        variant="icon"
        class="perf-back"
        label="Previous channels"
        disabled={at === 0}
        onClick={() => go(at - 1)}
      >
        <Icon name="chevron" />
      </Button>
      <span class="tabular">
        {formatCount(at * PAGE + 1)}–{formatCount(Math.min(count, (at + 1) * PAGE))} of{' '}
        {formatCount(count)}
      </span>
      <Button
        variant="icon"
        class="perf-next"
        label="Next channels"
        disabled={at === pages - 1}
        onClick={() => go(at + 1)}
      >
        <Icon name="chevron" />
      </Button>
    </nav>
  );
}

interface GridProps {
  readonly channels: readonly number[];
  /** Differences by channel. */
  readonly values: readonly (number | null)[];
  /** Of the layer and the image; of other channels while theirs are computed. */
  readonly value: ActivationMaps | null;
}

function Grid({ channels, values, value }: GridProps): JSX.Element {
  const resource = activationMaps.value;
  const stale = isStale(channelStrip.value) || resource.status === 'loading';
  const theme = dark.value ? 'dark' : 'light';
  const byChannel = useMemo(
    () => new Map((value ? channelMaps(value) : []).map((maps) => [maps.channel, maps])),
    [value],
  );
  const shared = useMemo(() => {
    const all = [...byChannel.values()];
    return { plain: mapRange(all, 'a'), difference: mapRange(all, 'difference') };
  }, [byChannel]);
  if (resource.status === 'failed') {
    return <FailureState title="The maps could not be computed" failure={resource.failure} />;
  }
  return (
    <>
      <div class="perf-legends">
        {scale.value === 'own' && (
          <span class="muted">
            The shades of each channel reach from 0 to the largest value of its own maps.
          </span>
        )}
        {scale.value === 'shared' && value && (
          <>
            <MapLegend range={shared.plain} theme={theme} label="a and b" inline />
            {value.sameSize && (
              <MapLegend range={shared.difference} theme={theme} label="b − a" inline />
            )}
          </>
        )}
        <span class="muted perf-legends-note">Number in a corner: ‖b − a‖ of the map</span>
      </div>
      <div class="perf-grid" data-stale={stale ? '' : undefined} aria-busy={stale}>
        {channels.map((index) => (
          <ChannelCard
            key={index}
            index={index}
            difference={values[index] ?? null}
            maps={byChannel.get(index) ?? null}
            shared={scale.value === 'shared' ? shared : null}
            theme={theme}
          />
        ))}
      </div>
      {value?.sameSize === false && (
        <Note>
          The maps of a and b differ in size: each is drawn at its own, without difference.
        </Note>
      )}
    </>
  );
}

interface ChannelCardProps {
  readonly index: number;
  readonly difference: number | null;
  readonly maps: ChannelMaps | null;
  /** Null: each channel has a range of its own. */
  readonly shared: { readonly plain: MapRange; readonly difference: MapRange } | null;
  readonly theme: Theme;
}

function ChannelCard({ index, difference, maps, shared, theme }: ChannelCardProps): JSX.Element {
  const chosen = channel.value?.side === 'output' && channel.value.index === index;
  const ranges = useMemo(
    () =>
      shared ??
      (maps && { plain: mapRange([maps], 'a'), difference: mapRange([maps], 'difference') }),
    [shared, maps],
  );
  const drawn = useMemo(
    () => maps && { a: maps.a, b: maps.b, difference: mapOf(maps, 'difference') },
    [maps],
  );
  return (
    <button
      type="button"
      class="perf-map-card"
      aria-pressed={chosen}
      aria-label={`Channel ${index}, difference ${formatNumber(difference)}`}
      onClick={() => {
        selectChannel(chosen ? null : { side: 'output', index });
      }}
    >
      <span class="perf-map-head">
        <b class="tabular">{index}</b>
        <span class="muted tabular" title="‖b − a‖ of the channel’s map">
          {formatNumber(difference, 3, { padded: true })}
        </span>
      </span>
      <span class="perf-map-row">
        {KINDS.filter((kind) => kind !== 'difference' || maps?.sameSize !== false).map((kind) => {
          const map = drawn?.[kind] ?? null;
          return (
            <span key={kind}>
              {map && ranges ? (
                <MapCanvas
                  map={map}
                  range={kind === 'difference' ? ranges.difference : ranges.plain}
                  theme={theme}
                />
              ) : (
                <i />
              )}
              <small data-kind={kind}>
                {KIND_WORDS[kind]}
                {map && isNumber(map) && ` ${formatNumber(map.values[0] ?? null, 2)}`}
              </small>
            </span>
          );
        })}
      </span>
    </button>
  );
}

/** Of a dense layer a channel is a single number. */
function isNumber({ width, height }: MapStack): boolean {
  return width * height === 1;
}

interface MapCanvasProps {
  readonly map: MapStack;
  readonly range: MapRange;
  readonly theme: Theme;
}

function MapCanvas({ map, range, theme }: MapCanvasProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const { values, width, height } = map;
    paint(canvas.current, mapPixels(values, range, theme), width, height);
  }, [map, range, theme]);
  return <canvas ref={canvas} />;
}
