import type { ReadonlySignal } from '@preact/signals';
import { fitText, textWidth } from '../../elements/fit-text';
import type { PlacedBox } from '../../workers/layout/types';
import { TITLE_SIZE } from './faces';
import { frameKey } from './navigation';

export interface FrameLayerProps {
  readonly frames: readonly PlacedBox[];
  readonly title: (group: string) => { readonly name: string; readonly note: string };
  readonly current: ReadonlySignal<string | null>;
}

/** Opened groups: a tinted ground with a title that closes them. */
export function FrameLayer({ frames, title, current }: FrameLayerProps) {
  return (
    <g class="net-frames">
      {frames.map(({ id, x, y, width, height }) => {
        const { name, note } = title(id);
        const shown = fitText(name, TITLE_SIZE, width - 34);
        const key = frameKey(id);
        return (
          <g key={id} transform={`translate(${x} ${y})`}>
            <rect class="net-frame" width={width} height={height} rx={8} />
            {/* biome-ignore lint/a11y/useSemanticElements: SVG has no button */}
            <g
              class="net-frame-title"
              role="button"
              data-key={key}
              data-group={id}
              tabindex={current.value === key ? 0 : -1}
              aria-expanded="true"
              aria-label={`${id}, opened group of ${note}`}
            >
              <rect x={1} y={1} width={width - 2} height={22} rx={7} fill="transparent" />
              <path class="net-frame-chevron" d="m9 9.5 4.5 4.5 4.5-4.5" />
              <text class="net-title" x={24} y={16}>
                {shown}
              </text>
              {width > textWidth(shown, TITLE_SIZE) + 100 && (
                <text class="net-frame-note" x={32 + textWidth(shown, TITLE_SIZE)} y={16}>
                  {note}
                </text>
              )}
              <rect
                class="net-ring"
                data-export="skip"
                x={1}
                y={1}
                width={width - 2}
                height={22}
                rx={6}
              />
            </g>
          </g>
        );
      })}
    </g>
  );
}
