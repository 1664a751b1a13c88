/** One box of the drawing: a layer, or a closed group. */
import type { ReadonlySignal } from '@preact/signals';
import { textWidth } from '../../elements/fit-text';
import { memo } from '../../elements/memo';
import { type ColorScale, inkOn } from '../../scales/color';
import { formatMeasure } from '../../scales/format';
import type { ShadeKey } from '../../state/selection';
import type { PlacedBox } from '../../workers/layout/types';
import { type Face, FOOT_HEIGHT, type FootPart, hasWeights, SMALL_SIZE } from './faces';
import type { GroupValue } from './measures';
import { boxKey, footKey } from './navigation';
import { describeBox, describeLayer, SIDE_WORDS } from './words';

export interface NetworkBoxProps {
  readonly face: Face;
  readonly place: PlacedBox;
  readonly metric: ShadeKey;
  readonly values: ReadonlyMap<string, GroupValue>;
  readonly domainTop: number;
  readonly color: ColorScale;
  /** Whether a search is on that does not find it. */
  readonly dim: boolean;
  readonly current: ReadonlySignal<string | null>;
  readonly selected: ReadonlySignal<string | null>;
}

const RADIUS = 6;
const PAD = 10;
/** The focus ring lies outside the outline of what is hovered or selected. */
const RING = 7;

/** Opaque enough for text on it; a value that is missing is hatched. */
function fillOf(face: Face, value: GroupValue | undefined, color: ColorScale): string {
  if (!face.members.some(hasWeights)) return 'var(--card)';
  return swatchFill(value, color);
}

function swatchFill(value: GroupValue | undefined, color: ColorScale): string {
  if (value?.how === 'pending') return 'var(--skeleton)';
  return value?.value == null ? 'url(#net-hatch)' : color(value.value);
}

function inkFor(face: Face, value: GroupValue | undefined, color: ColorScale): string {
  // A layer of one snapshot only has no colour behind its words.
  return face.side === 'both' && face.members.some(hasWeights) && value?.value != null
    ? inkOn(color(value.value))
    : 'var(--ink)';
}

export const NetworkBox = memo(function NetworkBox(props: NetworkBoxProps) {
  const { face, place, metric, values, color, dim, current, selected } = props;
  const value = values.get(face.id);
  const ink = inkFor(face, value, color);
  const key = boxKey(face.id);
  const { width, bodyHeight, height } = face;
  const weighted = face.members.some(hasWeights);
  const anchor = face.kind === 'plain' ? 'middle' : 'start';
  return (
    <g
      class={`net-box net-${face.kind}${dim ? ' net-dim' : ''}`}
      data-side={face.side}
      transform={`translate(${place.x} ${place.y})`}
    >
      {face.kind === 'group' && <Stack width={width} height={height} />}
      <rect class="net-outline" width={width} height={height} rx={RADIUS} />
      {/* biome-ignore lint/a11y/useSemanticElements: SVG has no button */}
      <g
        class="net-body"
        role="button"
        data-key={key}
        data-layer={face.layer?.name}
        data-group={face.layer ? undefined : face.id}
        tabindex={current.value === key ? 0 : -1}
        aria-label={describeBox(face, metric, value)}
        aria-pressed={face.layer ? selected.value === face.layer.name : undefined}
        aria-expanded={face.layer ? undefined : false}
      >
        <path
          class="net-fill"
          d={bodyPath(width, bodyHeight, face.foot.length > 0)}
          fill={fillOf(face, value, color)}
        />
        {face.kind === 'group' && <Chevron ink={ink} />}
        <text
          class="net-title"
          text-anchor={anchor}
          x={face.kind === 'plain' ? width / 2 : PAD + (face.kind === 'group' ? 16 : 0)}
          y={face.kind === 'plain' ? 17 : 19}
          fill={ink}
        >
          {face.title}
        </text>
        <text
          class="net-subtitle"
          text-anchor={anchor}
          x={face.kind === 'plain' ? width / 2 : PAD}
          y={face.kind === 'plain' ? 31 : 34}
          fill={ink}
        >
          {face.subtitle}
        </text>
        {weighted && <Gauge {...props} value={value} ink={ink} />}
        {face.side !== 'both' && (
          <text
            class={`net-side net-side-${face.side}`}
            text-anchor={anchor}
            x={face.kind === 'plain' ? width / 2 : PAD}
            y={bodyHeight - 6}
            fill={value?.value == null ? undefined : ink}
          >
            {SIDE_WORDS[face.side]}
          </text>
        )}
        <rect
          class="net-ring"
          data-export="skip"
          x={-RING}
          y={-RING}
          width={width + 2 * RING}
          height={height + 2 * RING}
          rx={RADIUS + RING}
        />
      </g>
      {face.foot.map((part) => (
        <Foot key={part.layer.name} part={part} {...props} />
      ))}
    </g>
  );
});

/** Square below where a foot follows. */
function bodyPath(width: number, height: number, footed: boolean): string {
  const r = RADIUS;
  const below = footed
    ? `V${height}H0`
    : `V${height - r}a${r} ${r} 0 0 1 ${-r} ${r}H${r}a${r} ${r} 0 0 1 ${-r} ${-r}`;
  return `M0 ${r}a${r} ${r} 0 0 1 ${r} ${-r}H${width - r}a${r} ${r} 0 0 1 ${r} ${r}${below}Z`;
}

/** Boxes behind the box: there is more in it. */
function Stack({ width, height }: { readonly width: number; readonly height: number }) {
  return (
    <>
      <rect class="net-stack" x={6} y={-6} width={width - 12} height={height} rx={RADIUS} />
      <rect class="net-stack" x={3} y={-3} width={width - 6} height={height} rx={RADIUS} />
    </>
  );
}

function Chevron({ ink }: { readonly ink: string }) {
  return (
    <g class="net-chevron" data-open="">
      <rect x={2} y={4} width={24} height={22} fill="transparent" />
      <path d="m11 10.5 4.5 4.5-4.5 4.5" fill="none" stroke={ink} />
    </g>
  );
}

/** The value as a bar, and in figures. */
function Gauge({
  face,
  metric,
  value,
  domainTop,
  ink,
}: NetworkBoxProps & { readonly value: GroupValue | undefined; readonly ink: string }) {
  if (value?.how === 'pending') return null;
  const known = value?.value ?? null;
  const figure = known === null ? 'not compared' : formatMeasure(metric, known);
  const text = value?.how === 'largest' ? `max ${figure}` : figure;
  const y = 49;
  if (known === null) {
    return face.side === 'both' ? (
      <text class="net-value" x={PAD} y={y + 3} fill={ink}>
        {text}
      </text>
    ) : null;
  }
  const room = Math.max(16, face.width - 2 * PAD - textWidth(text, SMALL_SIZE) - 8);
  const share = domainTop > 0 ? Math.min(1, known / domainTop) : 0;
  return (
    <>
      <rect class="net-track" x={PAD} y={y - 3} width={room} height={5} rx={2.5} fill={ink} />
      {share > 0 && (
        <rect
          x={PAD}
          y={y - 3}
          width={Math.max(2, room * share)}
          height={5}
          rx={Math.min(2.5, Math.max(1, (room * share) / 2))}
          fill={ink}
        />
      )}
      <text class="net-value net-value-end" x={face.width - PAD} y={y + 3} fill={ink}>
        {text}
      </text>
    </>
  );
}

/** A folded layer; with weights of its own it can be chosen like any other. */
function Foot({
  part,
  face,
  metric,
  values,
  color,
  current,
  selected,
}: NetworkBoxProps & { readonly part: FootPart }) {
  const { layer } = part;
  const y = face.bodyHeight;
  const weighted = hasWeights(layer) && !part.text.startsWith('+');
  const value = values.get(layer.name);
  const text = (
    <text class="net-subtitle" x={part.x + 3 + (weighted ? 13 : 0)} y={y + 12.5}>
      {part.text}
    </text>
  );
  if (!weighted) {
    return (
      <g class="net-foot" data-key={footKey(layer.name)} data-hover={layer.name}>
        {text}
      </g>
    );
  }
  const key = footKey(layer.name);
  return (
    // biome-ignore lint/a11y/useSemanticElements: SVG has no button
    <g
      class="net-foot net-body"
      role="button"
      data-key={key}
      data-layer={layer.name}
      tabindex={current.value === key ? 0 : -1}
      aria-label={describeLayer(layer.name, layer.kind, layer.parameters, metric, value)}
      aria-pressed={selected.value === layer.name}
    >
      <rect x={part.x} y={y} width={part.width} height={FOOT_HEIGHT} fill="transparent" />
      <rect
        class="net-swatch"
        x={part.x + 3}
        y={y + 4.5}
        width={9}
        height={9}
        rx={2}
        fill={swatchFill(value, color)}
      />
      {text}
      <rect
        class="net-ring"
        data-export="skip"
        x={part.x - RING}
        y={y - RING}
        width={part.width + 2 * RING}
        height={FOOT_HEIGHT + 2 * RING}
        rx={RING}
      />
    </g>
  );
}
