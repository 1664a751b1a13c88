/** Which tensor of a is which of b: what the server says, and what the user makes of it. */
import { computed, signal } from '@preact/signals';
import type { Match, Matches, MatchTensor } from '../client/types';
import { latest, type Resource } from './resources';
import type { Side } from './snapshots';

export type Rule = Matches['pairs'][number]['rule'];
/** `none` stands for tensors without a partner. */
export type RuleKey = Rule | 'none';

export const RULES: readonly { key: RuleKey; label: string; title: string }[] = [
  { key: 'name', label: 'same name', title: 'Both files use one name.' },
  {
    key: 'canonical',
    label: 'without wrappers',
    title: 'One name, once prefixes such as module. or model. are taken away.',
  },
  { key: 'fused', label: 'part', title: 'A part of what the other file keeps in one tensor.' },
  {
    key: 'order',
    label: 'order and shape',
    title: 'The order of the layers, their kinds, roles and shapes say so.',
  },
  { key: 'user', label: 'chosen', title: 'Somebody chose it here or in a match file.' },
  { key: 'none', label: 'no partner', title: 'Compared with nothing.' },
];

export interface MatchRow {
  readonly a: MatchTensor | null;
  readonly b: MatchTensor | null;
  readonly rule: RuleKey;
  /** Why there is no partner. */
  readonly reason: string;
  readonly corrected: boolean;
}

/** What the user can do to the matching. */
export interface Corrections {
  choose(side: Side, name: string, choice: Choice): Promise<void>;
  undo(): Promise<void>;
  save(): Promise<void>;
  /** Removes all corrections; like every other change it lasts once it is saved. */
  clear(): Promise<void>;
}

/** Whether the dialog is open. */
export const matchingShown = signal(false);
export const corrector = signal<Corrections | null>(null);
/** With the corrections of the dialog, saved or not. */
export const matches = signal<Resource<Matches>>({ status: 'idle' });
/** The corrections before each change that can be undone, the oldest first. */
export const undoable = signal<readonly (readonly Match[])[]>([]);
export const unsaved = signal(false);
/** Why the last change was refused. */
export const refusal = signal<string | null>(null);
export const correcting = signal(false);

export const matchRows = computed<readonly MatchRow[]>(() => {
  const found = latest(matches.value);
  return found === null ? [] : rowsOf(found);
});

/** Pairs in the order of b, then what has no partner. */
export function rowsOf(found: Matches): readonly MatchRow[] {
  const ofA = new Map(found.tensors_a.map((tensor) => [tensor.name, tensor]));
  const ofB = new Map(found.tensors_b.map((tensor) => [tensor.name, tensor]));
  const corrected = {
    a: new Set(found.corrections.map(({ a }) => a)),
    b: new Set(found.corrections.map(({ b }) => b)),
  };
  const alone = (side: Side, tensors: ReadonlyMap<string, MatchTensor>) =>
    (side === 'a' ? found.unmatched_a : found.unmatched_b).map(({ name, reason }) => ({
      a: side === 'a' ? (tensors.get(name) ?? null) : null,
      b: side === 'b' ? (tensors.get(name) ?? null) : null,
      rule: 'none' as const,
      reason,
      corrected: corrected[side].has(name),
    }));
  return [
    ...found.pairs.map(({ a, b, rule }) => ({
      a: ofA.get(a) ?? null,
      b: ofB.get(b) ?? null,
      rule,
      reason: '',
      corrected: rule === 'user',
    })),
    ...alone('b', ofB),
    ...alone('a', ofA),
  ];
}

export interface Candidate {
  readonly name: string;
  /** Whether another tensor has it now. */
  readonly taken: boolean;
}

/** Tensors of the other side that can be compared with this one, those that are free first. */
export function candidates(found: Matches, side: Side, tensor: MatchTensor): readonly Candidate[] {
  const others = side === 'a' ? found.tensors_b : found.tensors_a;
  const taken = new Map(
    found.pairs.map((pair) => (side === 'a' ? [pair.b, pair.a] : [pair.a, pair.b])),
  );
  const fitting = others
    .filter(({ form }) => form === tensor.form)
    .map(({ name }) => ({ name, taken: (taken.get(name) ?? tensor.name) !== tensor.name }));
  return [...fitting.filter((each) => !each.taken), ...fitting.filter((each) => each.taken)];
}

/** What is chosen for a tensor: a name, nothing, or what the rules say. */
export type Choice = { readonly partner: string | null } | 'rules';

/** The corrections once `choice` is made for a tensor: no tensor stands in two of them. */
export function chosen(
  corrections: readonly Match[],
  side: Side,
  name: string,
  choice: Choice,
): readonly Match[] {
  const other = side === 'a' ? 'b' : 'a';
  const partner = choice === 'rules' ? null : choice.partner;
  const kept = corrections.filter(
    (match) => match[side] !== name && (partner === null || match[other] !== partner),
  );
  if (choice === 'rules') return kept;
  return [...kept, side === 'a' ? { a: name, b: partner } : { a: partner, b: name }];
}

/** The corrections of which both sides have the tensors. */
export function present(corrections: readonly Match[], found: Matches): readonly Match[] {
  const [ofA, ofB] = [found.tensors_a, found.tensors_b].map(
    (tensors) => new Set(tensors.map(({ name }) => name)),
  );
  return corrections.filter(
    ({ a, b }) => (a === null || ofA?.has(a)) && (b === null || ofB?.has(b)),
  );
}

/** Rows by rule and by a text in either name, as the user filters them. */
export function filtered(
  rows: readonly MatchRow[],
  rule: RuleKey | null,
  text: string,
): readonly MatchRow[] {
  const wanted = text.trim().toLowerCase();
  return rows.filter(
    (row) =>
      (rule === null || row.rule === rule) &&
      (wanted === '' ||
        [row.a, row.b].some((tensor) => tensor?.name.toLowerCase().includes(wanted))),
  );
}
