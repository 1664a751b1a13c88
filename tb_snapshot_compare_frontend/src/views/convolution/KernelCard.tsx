/** One slice in full: a, b and their difference as matrices, with its measures. */
import type { JSX, RefObject } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { KernelMap, KernelSlice, Measures } from '../../client/types';
import { Button } from '../../elements/Button';
import { FailureState } from '../../elements/EmptyState';
import { Icon } from '../../elements/Icon';
import { Popover } from '../../elements/Popover';
import { SideBadge } from '../../elements/SideBadge';
import { type ColorScale, diverging, inkOn } from '../../scales/color';
import { formatMeasure, formatNumber } from '../../scales/format';
import { dark } from '../../state/environment';
import { kernelPlaces, kernelSlice } from '../../state/kernel';
import { difference, metricInfo } from '../../state/metrics';
import { latest } from '../../state/resources';
import type { Metric } from '../../state/selection';
import type { Place } from './geometry';
import { positionOf, sliceText, storedIndex } from './words';

const MEASURES: readonly Metric[] = [
  'l2',
  'relative_l2',
  'max_abs',
  'mean_relative_percent',
  'cosine',
  'sign_flips',
];
/** More columns than this leave no room for numbers. */
const NUMBERED_MOST = 5;

export interface KernelCardProps {
  readonly map: KernelMap;
  readonly cell: Place;
  readonly anchor: RefObject<HTMLElement | null>;
  readonly onClose: () => void;
}

export function KernelCard({ map, cell, anchor, onClose }: KernelCardProps): JSX.Element | null {
  const [element, setElement] = useState<HTMLElement | null>(null);
  useLayoutEffect(() => setElement(anchor.current), [anchor]);
  if (element === null) return null;
  return (
    <Popover anchor={element} onClose={onClose} class="kernel-card">
      <Card map={map} cell={cell} onClose={onClose} />
    </Popover>
  );
}

function Card({ map, cell, onClose }: Omit<KernelCardProps, 'anchor'>): JSX.Element {
  const button = useRef<HTMLDivElement>(null);
  const resource = kernelSlice.value;
  const places = latest(kernelPlaces.value);
  const index = storedIndex(map, places, cell);
  const known = latest(resource);
  const slice = known && known.row === index?.row && known.column === index.column ? known : null;
  const title = positionOf(map, places, cell);
  useEffect(() => {
    button.current?.querySelector<HTMLButtonElement>('.kernel-card-close')?.focus({
      preventScroll: true,
    });
  }, []);
  return (
    <div ref={button} role="dialog" aria-label={title}>
      <header>
        <h3>{title}</h3>
        {slice && <CopyButton slice={slice} />}
        <Button variant="icon" label="Close" class="kernel-card-close" onClick={onClose}>
          <Icon name="close" />
        </Button>
      </header>
      {slice ? (
        <>
          <p class="muted tabular">{`${map.tensor} [${slice.index.join(', ')}]`}</p>
          <Matrices slice={slice} />
          {slice.a.flat().length > 1 && <h4>Of the slice</h4>}
          <MeasureList measures={slice.measures} />
        </>
      ) : resource.status === 'failed' ? (
        <FailureState title="The slice could not be read" failure={resource.failure} />
      ) : (
        <p class="muted kernel-card-waiting">Reading the slice…</p>
      )}
    </div>
  );
}

function CopyButton({ slice }: { readonly slice: KernelSlice }): JSX.Element | null {
  const [copied, setCopied] = useState(false);
  // Undefined over plain http; the numbers can then be selected as text.
  if (!navigator.clipboard) return null;
  const copy = () =>
    navigator.clipboard.writeText(sliceText(slice)).then(
      () => setCopied(true),
      () => setCopied(false),
    );
  return (
    <Button
      variant="icon"
      label={copied ? 'Copied' : 'Copy the numbers'}
      onClick={() => void copy()}
    >
      <Icon name={copied ? 'check' : 'copy'} />
    </Button>
  );
}

function Matrices({ slice }: { readonly slice: KernelSlice }): JSX.Element {
  const theme = dark.value ? 'dark' : 'light';
  const scales = useMemo(() => {
    const limit = (values: (number | null)[][]) =>
      values.flat().reduce<number>((most, value) => Math.max(most, Math.abs(value ?? 0)), 0);
    return {
      values: diverging(theme, Math.max(limit(slice.a), limit(slice.b))),
      change: diverging(theme, limit(slice.difference)),
    };
  }, [slice, theme]);
  return (
    <div class="kernel-matrices">
      <Matrix name="a" values={slice.a} color={scales.values} />
      <Matrix name="b" values={slice.b} color={scales.values} />
      <Matrix name="b − a" values={slice.difference} color={scales.change} />
    </div>
  );
}

interface MatrixProps {
  readonly name: 'a' | 'b' | 'b − a';
  readonly values: readonly (readonly (number | null)[])[];
  readonly color: ColorScale;
}

function Matrix({ name, values, color }: MatrixProps): JSX.Element {
  const numbered = (values[0]?.length ?? 0) <= NUMBERED_MOST;
  return (
    <table class="kernel-matrix" data-numbered={numbered ? '' : undefined}>
      <caption>{name === 'b − a' ? name : <SideBadge side={name} />}</caption>
      <tbody>
        {values.map((row, at) => (
          <tr key={at}>
            {row.map((value, column) => {
              const background = color(value);
              const text =
                value === null
                  ? 'not finite'
                  : formatNumber(value, numbered ? 3 : 5, { padded: true });
              return (
                <td
                  key={column}
                  title={`${at}, ${column}: ${value ?? 'not finite'}`}
                  style={{ background, color: inkOn(background) }}
                >
                  {numbered ? text : <span class="visually-hidden">{text}</span>}
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function MeasureList({ measures }: { readonly measures: Measures }): JSX.Element {
  return (
    <dl class="kernel-measures tabular">
      {MEASURES.map((metric) => (
        <div key={metric}>
          <dt>{metricInfo(metric).label}</dt>
          <dd>{formatMeasure(metric, difference(measures, metric))}</dd>
        </div>
      ))}
    </dl>
  );
}
