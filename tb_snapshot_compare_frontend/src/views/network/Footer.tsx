/** What shades and marks mean, and what the drawing was made from. */
import { Button } from '../../elements/Button';
import { Icon } from '../../elements/Icon';
import { ColorLegend } from '../../elements/Legend';
import type { Camera } from '../../render/camera';
import { shadeKey } from '../../state/carried';
import { metricInfo } from '../../state/metrics';
import { comparison, latest } from '../../state/resources';
import { fitAll } from './Diagram';
import * as model from './model';

const UPPER_BOUND = 'Of some groups only the largest value of one layer is known (max).';

export function Footer({ camera }: { readonly camera: Camera }) {
  const info = metricInfo(shadeKey.value);
  const [lower, upper] = model.domain.value;
  const network = model.network.value;
  const inexact = [...model.values.value.values()].some(({ how }) => how === 'largest');
  const note = network?.source === 'names' ? network.note : null;
  return (
    <footer class="net-footer">
      {upper > lower ? (
        <ColorLegend
          label={info.label}
          domain={[lower, upper]}
          color={model.color.value}
          ticks={[lower, upper / 2, upper]}
          format={model.shadeText}
          theme={model.theme.value}
        />
      ) : (
        <span class="net-key-text">
          {info.label}
          {latest(comparison.value) ? ': no difference to shade' : ''}
        </span>
      )}
      {model.mode.value === 'diagram' && <Keys />}
      {(note || inexact) && (
        <span class="net-note" title={[note, inexact ? UPPER_BOUND : ''].filter(Boolean).join(' ')}>
          <Icon name="info" size={14} />
          <span>{note ?? UPPER_BOUND}</span>
        </span>
      )}
      {model.mode.value === 'diagram' && <Zoom camera={camera} />}
    </footer>
  );
}

function Zoom({ camera }: { readonly camera: Camera }) {
  return (
    <div class="net-zoom">
      <Button
        variant="icon"
        label="Zoom in (+, or Ctrl and the wheel)"
        onClick={() => camera.zoomBy(1.25)}
      >
        <Glyph path="M8 3v10M3 8h10" />
      </Button>
      <Button
        variant="icon"
        label="Zoom out (−, or Ctrl and the wheel)"
        onClick={() => camera.zoomBy(0.8)}
      >
        <Glyph path="M3 8h10" />
      </Button>
      <Button variant="icon" label="Fit the network (0)" onClick={() => fitAll(camera)}>
        <Glyph path="M2.5 5.5v-3h3m5 0h3v3m0 5v3h-3m-5 0h-3v-3" />
      </Button>
    </div>
  );
}

function Glyph({ path }: { readonly path: string }) {
  return (
    <svg width={16} height={16} viewBox="0 0 16 16" fill="none" aria-hidden="true">
      <path
        d={path}
        stroke="currentColor"
        stroke-width={1.5}
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}

/** Only the marks that are on screen. */
function Keys() {
  const faces = [...(model.faces.value?.values() ?? [])];
  const missing = faces.some((face) => {
    const value = model.values.value.get(face.id);
    return (
      face.kind !== 'plain' &&
      face.side === 'both' &&
      value?.value == null &&
      value?.how !== 'pending'
    );
  });
  return (
    <ul class="net-keys">
      {faces.some((face) => face.kind === 'plain') && (
        <li>
          <i class="net-key-plain" /> no weights
        </li>
      )}
      {faces.some((face) => face.kind === 'group') && (
        <li>
          <i class="net-key-group" /> group
        </li>
      )}
      {faces.some((face) => face.side !== 'both') && (
        <li>
          <i class="net-key-side" /> in one snapshot only
        </li>
      )}
      {model.quietLinks.value > 0 && (
        <li>
          <i class="net-key-quiet" /> {model.quietLinks.value} more links: point at a layer
        </li>
      )}
      {missing && (
        <li>
          <i class="net-key-missing" /> not compared
        </li>
      )}
    </ul>
  );
}
