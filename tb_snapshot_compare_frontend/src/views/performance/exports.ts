/** What the view offers for download, by sub-view. */
import type { RefObject } from 'preact';
import type { PanelExports } from '../../elements/panel-types';
import { type CsvCell, toCsv } from '../../render/csv';
import { inlineSvg } from '../../render/export';
import { headedSvg, type Swatch } from '../../render/headed-svg';
import { currentImage, outcomeOf, sets } from '../../state/probe-images';
import {
  attribution,
  channelStrip,
  filterAttribution,
  flow,
  patches,
  predictions,
} from '../../state/probing';
import { tab } from '../../state/probing-choice';
import { latest } from '../../state/resources';
import { snapshotA, snapshotB } from '../../state/snapshots';
import { OUTCOME_WORDS } from './classes';
import { FLOW_PARTS } from './flow';

type Drawing = RefObject<SVGSVGElement | null>;

/** Null while there is nothing to save. */
export function exportsOf(drawing: Drawing): PanelExports | null {
  switch (tab.value) {
    case 'predictions':
      return predictionExports(drawing);
    case 'patches':
      return patchExports();
    case 'flow':
      return flowExports(drawing);
    case 'activations':
      return channelExports();
    case 'layers':
      return attributionExports(drawing);
  }
}

function predictionExports(drawing: Drawing): PanelExports | null {
  const value = latest(predictions.value);
  const image = currentImage.value;
  if (!value || !image) return null;
  const rows: CsvCell[][] = value.a.map((probability, index) => [
    index,
    value.classes[index] ?? '',
    probability,
    value.b[index] ?? null,
    index === value.label ? 1 : 0,
  ]);
  return {
    name: `predictions-${image.name}`,
    csv: () => toCsv([['class', 'name', 'probability_a', 'probability_b', 'true'], ...rows]),
    svg: () => headed(drawing, `Class probabilities of ${image.name}`, 'Snapshots', sides(drawing)),
  };
}

function flowExports(drawing: Drawing): PanelExports | null {
  const value = latest(flow.value);
  if (!value) return null;
  const name = sets.value.find(({ id }) => id === value.set)?.name ?? 'images';
  const files = new Map(
    sets.value.flatMap(({ images }) => images.map((image) => [image.id, image.name] as const)),
  );
  const rows: CsvCell[][] = value.images.map((entry) => [
    files.get(entry.image) ?? entry.image,
    entry.label,
    entry.predicted_a,
    entry.predicted_b,
    entry.truth_a,
    entry.truth_b,
    outcomeOf(entry),
  ]);
  const header = ['image', 'true', 'predicted_a', 'predicted_b', 'truth_a', 'truth_b', 'outcome'];
  const labelled = value.labelled > 0;
  return {
    name: `flow-${name}`,
    csv: () => toCsv([header, ...rows]),
    ...(labelled && {
      svg: () => headed(drawing, `Predictions of ${name}, a → b`, 'Outcome', parts(drawing)),
    }),
  };
}

function attributionExports(drawing: Drawing): PanelExports | null {
  const value = latest(attribution.value);
  if (!value) return null;
  const within = latest(filterAttribution.value);
  const rows: CsvCell[][] = [...value.parts, ...(within?.parts ?? [])].map((part) => [
    part.name,
    part.filters?.join(' ') ?? '',
    part.carried,
    part.truth,
    part.flips,
    part.tensors.join(' '),
  ]);
  const header = ['layer', 'filters', 'carried', 'truth_change', 'flips', 'tensors'];
  return {
    name: 'outcome-carried',
    csv: () => toCsv([header, ...rows]),
    svg: () => headed(drawing, 'Share of the change in outcome by layer', 'b against a', []),
  };
}

function patchExports(): PanelExports | null {
  const value = latest(patches.value);
  if (!value) return null;
  const rows: CsvCell[][] = (['a', 'b'] as const).flatMap((side) =>
    value[side].map(({ box, score }, rank) => [side, rank + 1, ...box, score]),
  );
  const header = ['snapshot', 'rank', 'left', 'top', 'right', 'bottom', 'score'];
  return {
    name: `patches-${value.layer}-${value.channel}`,
    csv: () => toCsv([header, ...rows]),
  };
}

function channelExports(): PanelExports | null {
  const value = latest(channelStrip.value);
  if (!value) return null;
  const rows: CsvCell[][] = value.outputs.map((difference, index) => [index, difference]);
  return {
    name: `channels-${value.layer}`,
    csv: () => toCsv([['channel', 'difference'], ...rows]),
  };
}

function headed(
  { current }: Drawing,
  title: string,
  legend: string,
  swatches: readonly Swatch[],
): string {
  if (!current) throw new Error('the chart is not drawn');
  return headedSvg(inlineSvg(current), { title, legend, swatches });
}

function sides({ current }: Drawing): readonly Swatch[] {
  return [
    { color: token(current, '--a'), label: `a · ${snapshotA.value?.label ?? ''}` },
    { color: token(current, '--b'), label: `b · ${snapshotB.value?.label ?? ''}` },
  ];
}

function parts({ current }: Drawing): readonly Swatch[] {
  return FLOW_PARTS.map((part) => ({
    color: token(current, `--flow-${part}`),
    label: OUTCOME_WORDS[part],
  }));
}

function token(element: Element | null, name: string): string {
  return element ? getComputedStyle(element).getPropertyValue(name).trim() : '#000';
}
