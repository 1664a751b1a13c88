/** Groups for networks that have none: blocks that repeat by name (`conv2_block1`, `conv2_block2`). */
import { analyse } from '../../workers/layout/dag';
import type { Link } from '../../workers/layout/types';
import { append } from './lists';
import { type Group, MANY_BOXES, type Unit } from './types';

interface Found {
  readonly units: readonly Unit[];
  readonly groups: ReadonlyMap<string, Group>;
}

interface Candidate {
  readonly prefix: string;
  readonly members: readonly string[];
}

/** Fewer units of one level than these need no blocks. */
const MANY_UNITS = 20;
/** Blocks are worth it when they leave at most this share of the boxes. */
const WORTHWHILE = 0.6;

/** `conv2_block1` and `conv3_block12` have one pattern: a block repeats when its pattern does. */
const patternOf = (prefix: string): string => prefix.replace(/\d+[a-z]?(?=_|\.|$)/g, '#');

/** Beginnings of a name that could be a block's, without the path of the group around it. */
function prefixes(name: string, scope: string | null): string[] {
  const from = scope === null ? 0 : scope.length + 1;
  return [...name.matchAll(/[_.]/g)]
    .map((match) => name.slice(0, match.index))
    .filter((prefix) => prefix.length > from && /\d/.test(prefix.slice(from)));
}

function candidates(scope: string | null, units: readonly Unit[]): Map<string, Candidate[]> {
  const members = new Map<string, string[]>();
  for (const { name } of units)
    for (const prefix of prefixes(name, scope)) append(members, prefix, name);
  const byPattern = new Map<string, Candidate[]>();
  for (const [prefix, names] of members) {
    if (names.length < 2) continue;
    const pattern = patternOf(prefix);
    append(byPattern, pattern, { prefix, members: names });
  }
  return byPattern;
}

/** Whether folding the candidates leaves the graph without cycles: no data leaves and returns. */
function foldable(
  all: readonly Candidate[],
  units: readonly Unit[],
  links: readonly Link[],
): boolean {
  const home = new Map(all.flatMap(({ prefix, members }) => members.map((name) => [name, prefix])));
  const place = (name: string): string => home.get(name) ?? name;
  const nodes = [...new Set(units.map((unit) => place(unit.name)))];
  const folded = links.map(({ source, target }) => ({
    source: place(source),
    target: place(target),
  }));
  return analyse(nodes, folded).back.length === 0;
}

const depth = (pattern: string): number => pattern.split(/[_.]/).length;

/** Candidates of one pattern that together hold at least a third of the units, deepest last. */
function levels(
  scope: string | null,
  units: readonly Unit[],
  links: readonly Link[],
): Candidate[][] {
  return [...candidates(scope, units)]
    .filter(([, all]) => all.length > 1)
    .filter(([, all]) => covered(all) * 3 >= units.length && foldable(all, units, links))
    .sort(([left], [right]) => depth(left) - depth(right))
    .map(([, all]) => all);
}

const covered = (all: readonly Candidate[]): number =>
  all.reduce((sum, { members }) => sum + members.length, 0);

function boxesLeft(all: readonly Candidate[], units: readonly Unit[]): number {
  return units.length - covered(all) + all.length;
}

/**
 * Adds blocks to every group of the model (and to its top level) that holds many units: the
 * finest that fold enough of them, and where even these are too many, the stages around them.
 */
export function findBlocks(
  units: readonly Unit[],
  links: readonly Link[],
  groups: ReadonlyMap<string, Group>,
): Found {
  const result = new Map(groups);
  const home = new Map<string, string>();
  for (const [scope, members] of unitsByGroup(units)) {
    if (members.length < MANY_UNITS) continue;
    for (const { group, units: names } of blocksOf(scope, members, links)) {
      result.set(group.name, group);
      for (const name of names) home.set(name, group.name);
    }
  }
  return {
    units: units.map((unit) => ({ ...unit, group: home.get(unit.name) ?? unit.group })),
    groups: result,
  };
}

function unitsByGroup(units: readonly Unit[]): ReadonlyMap<string | null, readonly Unit[]> {
  const found = new Map<string | null, Unit[]>();
  for (const unit of units) append(found, unit.group, unit);
  return found;
}

function blocksOf(
  scope: string | null,
  units: readonly Unit[],
  links: readonly Link[],
): { group: Group; units: readonly string[] }[] {
  const found = levels(scope, units, links);
  const blocks = found.findLast((all) => boxesLeft(all, units) <= units.length * WORTHWHILE);
  if (!blocks) return [];
  const stages =
    boxesLeft(blocks, units) > MANY_BOXES
      ? found.find((all) => all.length < blocks.length && encloses(all, blocks))
      : undefined;
  const taken = new Set(units.map((unit) => unit.name));
  const nameOf = (prefix: string): string => (taken.has(prefix) ? `${prefix}_*` : prefix);
  const group = (prefix: string, parent: string | null): Group => ({
    name: nameOf(prefix),
    prefix: `${prefix}_`,
    parent,
    synthetic: true,
    kind: 'Block',
  });
  const stageOf = (prefix: string): string | null => {
    const stage = stages?.find((candidate) => prefix.startsWith(`${candidate.prefix}_`));
    return stage ? nameOf(stage.prefix) : scope;
  };
  return [
    ...(stages ?? []).map(({ prefix, members }) => ({
      group: group(prefix, scope),
      units: members,
    })),
    ...blocks.map(({ prefix, members }) => ({
      group: group(prefix, stageOf(prefix)),
      units: members,
    })),
  ];
}

function encloses(outer: readonly Candidate[], inner: readonly Candidate[]): boolean {
  return inner.every(({ prefix }) => outer.some((stage) => prefix.startsWith(`${stage.prefix}_`)));
}
