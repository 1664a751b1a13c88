/** The patches of the image that drive the selected channel most, in a and in b. */
import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { ActivationMaps, Patch, ProbeImage } from '../../client/types';
import { FailureState } from '../../elements/EmptyState';
import { ColorLegend } from '../../elements/Legend';
import { Segments } from '../../elements/Segments';
import { diverging, sequential, type Theme } from '../../scales/color';
import { formatCount, formatNumber } from '../../scales/format';
import { currentImage, probeLayer, readyModel } from '../../state/probe-images';
import { channelMap, patches } from '../../state/probing';
import { patchWay, preparing } from '../../state/probing-choice';
import { latest, type Resource } from '../../state/resources';
import { channel } from '../../state/selection';
import { ChannelPicker } from './ChannelPicker';
import {
  channelMaps,
  inputArea,
  type MapKind,
  type MapRange,
  mapOf,
  mapPixels,
  mapRange,
} from './maps';
import { type Overlay, Picture, usePicture } from './Picture';
import { Hint, Waiting } from './states';

const WAYS = [
  { value: 'crop', label: 'Proposals, cropped and run' },
  { value: 'field', label: 'Receptive field' },
] as const;
const OVERLAYS = [
  { value: 'none', label: 'None' },
  { value: 'a', label: 'a' },
  { value: 'b', label: 'b' },
  { value: 'difference', label: 'b − a' },
] as const;
const CROP = 96;
/** Two pixels of the canvas for each of the page. */
const SHARPNESS = 2;

const overlayKind = signal<MapKind | 'none'>('none');
const opacity = signal(0.65);
/** On a picture, in either theme: what is silent is dimmed, what is active glows. */
const OVERLAY_THEME: Theme = 'dark';

interface Pointed {
  readonly side: 'a' | 'b';
  readonly rank: number;
}
const pointed = signal<Pointed | null>(null);

export function PatchesTab(): JSX.Element {
  const image = currentImage.value;
  const layer = probeLayer.value;
  if (!image) return <Hint>Choose an image above.</Hint>;
  if (!layer) {
    return <Hint>Select a layer whose output has channels, in the network architecture.</Hint>;
  }
  return (
    <div class="perf-patches">
      <div class="perf-bar-row">
        <ChannelPicker />
        <Segments
          small
          label="How patches are found"
          value={patchWay.value}
          options={WAYS}
          onChange={(way) => {
            patchWay.value = way;
          }}
        />
      </div>
      {channel.value === null ? (
        <Hint>
          Choose a channel: above, in the strips of the convolution view, or among the activations.
        </Hint>
      ) : (
        <Found image={image} />
      )}
    </div>
  );
}

function Found({ image }: { readonly image: ProbeImage }): JSX.Element {
  const resource = patches.value;
  const value = latest(resource);
  const at = pointed.value;
  const layer = useOverlay(image);
  const box = at && value ? (value[at.side][at.rank]?.box ?? null) : null;
  return (
    <div class="perf-found">
      <div class="perf-found-picture">
        <Picture
          key={image.id}
          image={image}
          label={`${image.name}${box ? `, patch ${box.join(', ')}` : ''}`}
          box={box}
          overlay={layer.overlay}
        />
        <OverlayControls range={layer.range} missing={layer.problem} />
      </div>
      {resource.status === 'failed' ? (
        <FailureState title="The patches could not be found" failure={resource.failure} />
      ) : value ? (
        <div class="perf-columns">
          <Column side="a" image={image} patches={value.a} />
          <Column side="b" image={image} patches={value.b} />
          <p class="muted perf-columns-note">
            {value.way === 'crop'
              ? `Best of ${formatCount(value.proposals)} proposals of selective search, each ` +
                'resized to the input and run; the score is the channel’s largest activation.'
              : 'What the channel’s largest activations on the whole image have seen.'}
          </p>
        </div>
      ) : (
        <Waiting label={patchWay.value === 'crop' ? 'Running proposals' : 'Finding the fields'} />
      )}
    </div>
  );
}

interface ColumnProps {
  readonly side: 'a' | 'b';
  readonly image: ProbeImage;
  readonly patches: readonly Patch[];
}

function Column({ side, image, patches: all }: ColumnProps): JSX.Element {
  const picture = usePicture(image.id);
  return (
    <section class="perf-column" data-side={side} aria-label={`Best patches of ${side}`}>
      <h3>
        <span class="side-badge" data-side={side}>
          {side}
        </span>
      </h3>
      <ol>
        {all.map((patch, rank) => (
          <li key={`${patch.box.join()} ${rank}`}>
            <PatchCard side={side} rank={rank} patch={patch} picture={picture} />
          </li>
        ))}
      </ol>
      {all.length === 0 && <p class="muted">The channel is silent on this image.</p>}
    </section>
  );
}

interface PatchCardProps extends Pointed {
  readonly patch: Patch;
  readonly picture: HTMLImageElement | null;
}

function PatchCard({ side, rank, patch, picture }: PatchCardProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { box, score } = patch;
  useLayoutEffect(() => crop(canvas.current, picture, box), [picture, box]);
  const point = () => {
    pointed.value = { side, rank };
  };
  const leave = () => {
    if (pointed.value?.side === side && pointed.value.rank === rank) pointed.value = null;
  };
  const [left = 0, top = 0, right = 0, bottom = 0] = box;
  const words =
    `top ${rank + 1} of ${side}, score ${formatNumber(score)}, ` +
    `${right - left} × ${bottom - top} pixels at ${left}, ${top}`;
  return (
    <button
      type="button"
      class="perf-patch"
      aria-label={words}
      title={words}
      data-pointed={pointed.value?.side === side && pointed.value.rank === rank ? '' : undefined}
      onPointerEnter={point}
      onPointerLeave={leave}
      onFocus={point}
      onBlur={leave}
    >
      <canvas ref={canvas} width={CROP * SHARPNESS} height={CROP * SHARPNESS} />
      <span class="tabular">{formatNumber(score, 3, { padded: true })}</span>
    </button>
  );
}

/** The piece of the picture, as large as fits, in the middle. */
function crop(
  canvas: HTMLCanvasElement | null,
  picture: HTMLImageElement | null,
  [left = 0, top = 0, right = 0, bottom = 0]: readonly number[],
): void {
  const context = canvas?.getContext('2d');
  if (!canvas || !context) return;
  context.clearRect(0, 0, canvas.width, canvas.height);
  const [width, height] = [right - left, bottom - top];
  if (!picture || width <= 0 || height <= 0) return;
  const scale = Math.min(canvas.width / width, canvas.height / height);
  const [wide, high] = [width * scale, height * scale];
  context.imageSmoothingEnabled = scale < 4;
  const [x, y] = [(canvas.width - wide) / 2, (canvas.height - high) / 2];
  context.drawImage(picture, left, top, width, height, x, y, wide, high);
}

interface OverlayOf {
  readonly overlay: Overlay | null;
  readonly range: MapRange | null;
  readonly problem: string | null;
}

function useOverlay(image: ProbeImage): OverlayOf {
  const resource = channelMap.value;
  const value = latest(resource);
  const kind = overlayKind.value;
  const resize = preparing.value.resize ?? readyModel.value?.preprocessing?.resize ?? 'stretch';
  const model = readyModel.value;
  const drawn = useMemo(() => {
    const maps = value ? channelMaps(value) : [];
    const [first] = maps;
    const map = kind !== 'none' && first ? mapOf(first, kind) : null;
    if (kind === 'none' || !map) return null;
    const range = mapRange(maps, kind);
    const { width, height, values } = map;
    const pixels = mapPixels(values, range, OVERLAY_THEME);
    return { range, part: { pixels, width, height, area: inputArea(image, model, resize) } };
  }, [value, kind, image, model, resize]);
  const problem = kind === 'none' ? null : overlayProblem(resource, kind);
  if (!drawn) return { overlay: null, range: null, problem };
  return { overlay: { ...drawn.part, opacity: opacity.value }, range: drawn.range, problem };
}

function overlayProblem(resource: Resource<ActivationMaps>, kind: MapKind): string | null {
  if (resource.status === 'failed') return resource.failure.message;
  const unlike = kind === 'difference' && latest(resource)?.sameSize === false;
  return unlike ? 'The maps of a and b differ in size: they have no difference.' : null;
}

interface OverlayControlsProps {
  readonly range: MapRange | null;
  readonly missing: string | null;
}

function OverlayControls({ range, missing }: OverlayControlsProps): JSX.Element {
  return (
    <div class="perf-overlay">
      <div class="perf-overlay-row">
        <span class="select-label">Map</span>
        <Segments
          small
          label="Activation map over the image"
          value={overlayKind.value}
          options={OVERLAYS}
          onChange={(kind) => {
            overlayKind.value = kind;
          }}
        />
      </div>
      {overlayKind.value !== 'none' && (
        <label class="perf-overlay-row">
          <span class="select-label">Opacity</span>
          <input
            type="range"
            min={0}
            max={1}
            step={0.05}
            value={opacity.value}
            onInput={(event) => {
              opacity.value = Number(event.currentTarget.value);
            }}
          />
        </label>
      )}
      {missing && <p role="alert">{missing}</p>}
      {range && <MapLegend range={range} theme={OVERLAY_THEME} label="Activation" />}
    </div>
  );
}

export function MapLegend({
  range: { signed, limit },
  theme,
  label,
  inline = false,
}: {
  readonly range: MapRange;
  readonly theme: Theme;
  readonly label: string;
  readonly inline?: boolean;
}): JSX.Element {
  if (limit === 0) return <span class="muted">{label}: 0 everywhere</span>;
  return (
    <ColorLegend
      label={label}
      domain={signed ? [-limit, limit] : [0, limit]}
      color={signed ? diverging(theme, limit) : sequential(theme, [0, limit])}
      format={(value) => formatNumber(value, 2)}
      inline={inline}
      theme={theme}
    />
  );
}
