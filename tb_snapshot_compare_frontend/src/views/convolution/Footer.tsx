/** The legend, and what is selected on the map and elsewhere. */
import type { ComponentChildren, JSX } from 'preact';
import type { KernelMap } from '../../client/types';
import { Button } from '../../elements/Button';
import { ColorLegend } from '../../elements/Legend';
import { dark } from '../../state/environment';
import { located } from '../../state/kernel';
import { area, cells, channel } from '../../state/selection';
import type { MapDrawing } from './MapDrawing';
import { type Shown, ZERO } from './quantities';
import { StripLegend } from './StripLegend';
import { areaPosition, areaSize, locatedLine } from './words';

export interface FooterProps {
  readonly map: KernelMap;
  /** Null without colours. */
  readonly shown: Shown | null;
  readonly drawing: MapDrawing;
  /** What can be done, while nothing is selected. */
  readonly hint: string;
  readonly tools: ComponentChildren;
}

export function Footer({ map, shown, drawing, hint, tools }: FooterProps): JSX.Element {
  const failed = drawing.failure.value;
  return (
    <div class="kernel-footer">
      {shown && <ShownLegend map={map} shown={shown} />}
      <div class="kernel-chips">
        {shown && <StripLegend map={map} />}
        {failed !== null && (
          <span class="kernel-chip kernel-chip-failed" role="alert">
            {failed}
            <Button variant="text" onClick={() => drawing.retry()}>
              Try again
            </Button>
          </span>
        )}
        {cells.value.length > 0 && <LocatedChip map={map} />}
        {area.value && (
          <span class="kernel-chip">
            <i class="kernel-chip-area" />
            <span
              title={areaPosition(area.value, map)}
            >{`Area: ${areaSize(area.value, map)}`}</span>
            <ClearButton
              label="Clear the area"
              onClick={() => {
                area.value = null;
              }}
            />
          </span>
        )}
        {channel.value && (
          <span class="kernel-chip">
            <i class="kernel-chip-mark" />
            {`${channel.value.side === 'output' ? map.column_word : map.row_word} ${channel.value.index}`}
            <ClearButton
              label="Clear the channel"
              onClick={() => {
                channel.value = null;
              }}
            />
          </span>
        )}
        {cells.value.length === 0 && !area.value && !channel.value && (
          <span class="muted kernel-hint">{map.note ?? hint}</span>
        )}
      </div>
      {tools}
    </div>
  );
}

function ShownLegend({
  map,
  shown,
}: {
  readonly map: KernelMap;
  readonly shown: Shown;
}): JSX.Element {
  const { domain } = shown;
  if (shown.isZero) {
    return (
      <div class="legend">
        <span class="legend-label">{shown.label}</span>
        {ZERO}
      </div>
    );
  }
  const [lower, upper] = domain;
  const beyond = exceeds(map, upper);
  const format = (value: number): string => {
    if (!beyond || value === 0) return shown.format(value);
    return `${value < 0 ? '≤' : '≥'}\u00a0${shown.format(value)}`;
  };
  return (
    <ColorLegend
      label={shown.label}
      unit={shown.unit}
      domain={domain}
      color={shown.scale}
      ticks={lower < 0 ? [lower, 0, upper] : [0, upper]}
      format={format}
      theme={dark.value ? 'dark' : 'light'}
    />
  );
}

function LocatedChip({ map }: { readonly map: KernelMap }): JSX.Element {
  const resource = located.value;
  return (
    <span class="kernel-chip" role="status">
      <i class="kernel-chip-mark kernel-chip-filled" />
      {resource.status === 'ready'
        ? locatedLine(resource.value, map)
        : resource.status === 'failed'
          ? resource.failure.message
          : 'Locating the selected weights…'}
      <ClearButton
        label="Clear the selected weights"
        onClick={() => {
          cells.value = [];
        }}
      />
    </span>
  );
}

function ClearButton(props: { readonly label: string; readonly onClick: () => void }): JSX.Element {
  return (
    <Button variant="text" title={props.label} onClick={props.onClick}>
      Clear
    </Button>
  );
}

/** Whether the colours end before the largest value. */
function exceeds(map: KernelMap, limit: number): boolean {
  return map.scales.some(
    ({ robust, low, high }) =>
      robust === limit && Math.max(Math.abs(low ?? 0), Math.abs(high ?? 0)) > limit,
  );
}
