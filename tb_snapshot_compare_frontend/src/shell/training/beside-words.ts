/** What keeps a run from lying beside another, or is to be known when it does. */
import type { Training } from '../../client/types';
import { formatCount } from '../../scales/format';
import type { Resource } from '../../state/resources';

/** `apart` keeps the runs from lying beside each other; `told` only informs. */
export interface BesideNote {
  readonly tone: 'busy' | 'apart' | 'told';
  readonly text: string;
}

const AXES: Readonly<Record<Training['axis'], string>> = {
  step: 'steps',
  epoch: 'epochs',
  save: 'saves',
};

/** Null where there is nothing to say. */
export function besideNote(
  own: Training,
  name: string,
  resource: Resource<Training>,
): BesideNote | null {
  if (resource.status === 'failed') {
    return apart(`The log of ${name} could not be read. ${resource.failure.message}`);
  }
  if (resource.status !== 'ready') return { tone: 'busy', text: `Reading the log of ${name}…` };
  const other = resource.value;
  if (other.axis !== own.axis) {
    const [these, those] = [AXES[own.axis], AXES[other.axis]];
    return apart(`Not aligned: ${name} counts ${those}, this run ${these}.`);
  }
  if (other.state === 'indexing') {
    const [done, total] = [formatCount(other.done), formatCount(other.total)];
    return { tone: 'busy', text: `Computing from snapshots: ${done} of ${total} pairs` };
  }
  if (other.dumps.length + other.passes.length === 0) return apart(other.note);
  const told = differences(own, other, name);
  return told.length > 0 ? { tone: 'told', text: `${told.join(', ')}.` } : null;
}

/** What is not the same in both, so that their rows compare less. */
function differences(own: Training, other: Training, name: string): readonly string[] {
  const [these, those] = [own.probe_images, other.probe_images];
  const theirs = new Set(other.units.map(({ path }) => path));
  // Every log has the whole model.
  const units = own.units.filter(({ path }) => path !== '');
  const shared = units.filter(({ path }) => theirs.has(path)).length;
  const names = new Set(other.classes);
  const known = own.classes.filter((name) => names.has(name)).length;
  const told: string[] = [];
  if (shared < units.length) told.push(inBoth(shared, units.length, 'unit', 'units'));
  if (those > 0 && known < own.classes.length) {
    told.push(inBoth(known, own.classes.length, 'class', 'classes'));
  }
  if (these > 0 && those === 0) told.push(`${name} has no validation passes`);
  else if (these > 0 && these !== those) {
    const images = those === 1 ? 'probe image' : 'probe images';
    told.push(`${formatCount(those)} ${images} there, ${formatCount(these)} here`);
  }
  const [every, theirsEvery] = [intervalOf(own.dumps), intervalOf(other.dumps)];
  if (every !== theirsEvery && every > 0 && theirsEvery > 0) {
    const unit = theirsEvery === 1 ? own.axis : AXES[own.axis];
    told.push(`updates span ${formatCount(theirsEvery)} ${unit} there, ${formatCount(every)} here`);
  }
  return told;
}

function inBoth(shared: number, all: number, one: string, many: string): string {
  if (shared === 0) return `no ${one} is in both`;
  return `${formatCount(shared)} of ${formatCount(all)} ${many} ${shared === 1 ? 'is' : 'are'} in both`;
}

/** From a dump to the next one, as of most of them; 0 of fewer than two. */
function intervalOf(dumps: readonly number[]): number {
  const gaps = dumps.slice(1).map((step, index) => step - (dumps[index] as number));
  gaps.sort((one, other) => one - other);
  return gaps[gaps.length >> 1] ?? 0;
}

function apart(text: string): BesideNote {
  return { tone: 'apart', text };
}
