/** The view's sentences: labels for screen readers and the read-out line. */
import { formatCount, formatMeasure } from '../../scales/format';
import { metricInfo } from '../../state/metrics';
import type { ShadeKey } from '../../state/selection';
import type { Face } from './faces';
import type { GroupValue } from './measures';

export const SIDE_WORDS = { a: 'only in a', b: 'only in b', both: '' } as const;

export function valueWords(metric: ShadeKey, { value, how }: GroupValue): string {
  const { label } = metricInfo(metric);
  if (how === 'pending') return '';
  if (value === null) return 'not compared';
  const text = formatMeasure(metric, value);
  return how === 'exact' ? `${label} ${text}` : `${label} at most ${text} in one layer`;
}

const weights = (count: number): string => `${formatCount(count)} weight${count === 1 ? '' : 's'}`;

/** `conv3, Conv2D, Euclidean distance 2.31, 885,120 weights` */
export function describeBox(face: Face, metric: ShadeKey, value: GroupValue | undefined): string {
  const parameters = face.members.reduce((sum, member) => sum + member.parameters, 0);
  const many = face.members.length;
  const parts = [
    face.id,
    face.layer ? face.layer.kind : `group of ${many} layer${many === 1 ? '' : 's'}`,
    SIDE_WORDS[face.side],
    parameters > 0 && value ? valueWords(metric, value) : '',
    parameters > 0 ? weights(parameters) : face.layer ? 'no weights' : '',
  ];
  return parts.filter(Boolean).join(', ');
}

export function describeLayer(
  name: string,
  kind: string,
  parameters: number,
  metric: ShadeKey,
  value: GroupValue | undefined,
): string {
  const parts = [
    name,
    kind,
    parameters > 0 && value ? valueWords(metric, value) : '',
    parameters > 0 ? weights(parameters) : 'no weights',
  ];
  return parts.filter(Boolean).join(', ');
}
