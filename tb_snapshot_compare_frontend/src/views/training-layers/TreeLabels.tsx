/** The rows' names: a tree for the keyboard and for screen readers. */
import type { JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Finding } from '../../client/types';
import { Icon } from '../../elements/Icon';
import { RunName } from '../../elements/RunMark';
import type { Sight } from '../../elements/use-sight';
import { GUTTER } from '../../scales/steps';
import { hoveredUnit, shownLayers, topLayers } from '../../state/training';
import { ownTitle, shortTitles } from '../../state/training-pair';
import { setOpen, toggleFilters } from './choosing';
import * as model from './model';
import { RUN_ROOM, unitName } from './names';
import { isPaired } from './other-values';
import { ROW } from './rows';
import { type Bar, LABELS_LEFT, type TreeItem } from './tree';
import { treeAct } from './tree-keys';
import { parametersOf, unitWords } from './words';

const FINDING_ROOM = 22;

export function TreeLabels({ sight }: { readonly sight: Sight }): JSX.Element {
  const tree = useRef<HTMLDivElement>(null);
  const wanted = useRef(false);
  const items = model.items.value;
  const current = items.some(({ unit }) => unit.path === model.treePath.value)
    ? model.treePath.value
    : (items[0]?.unit.path ?? null);
  const rows = new Map(model.rows.value.map((row) => [row.unit.path, row]));
  const bars = new Map(model.treeLayout.value.bars.map((bar) => [bar.item.unit.path, bar]));

  useLayoutEffect(() => {
    if (!wanted.current) return;
    wanted.current = false;
    tree.current?.querySelector<HTMLElement>('[tabindex="0"]')?.focus();
  });

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = treeAct(items, current, event.key);
    if (act === null) return;
    event.preventDefault();
    event.stopPropagation();
    wanted.current = true;
    model.treePath.value = act.path;
    if (act.kind === 'move') hoveredUnit.value = act.path;
    else if (act.kind === 'expand') toggleFilters(act.path);
    else setOpen(act.path, act.kind === 'open');
  };

  return (
    <div ref={tree} role="tree" aria-label="Units of the network" onKeyDown={onKeyDown}>
      {items.map((item) => {
        const { path } = item.unit;
        const row = rows.get(path);
        const tab = path === current ? 0 : -1;
        if (item.open) return <Bracket key={path} item={item} bar={bars.get(path)} tab={tab} />;
        const near = row && row.top < sight.bottom && row.top + ROW > sight.top;
        if (!row || (!near && path !== current)) return null;
        return <Label key={path} item={item} top={row.top} tab={tab} />;
      })}
    </div>
  );
}

interface ItemProps {
  readonly item: TreeItem;
  readonly tab: number;
}

function ariaOf({ level, position, siblings }: TreeItem) {
  return { 'aria-level': level, 'aria-posinset': position, 'aria-setsize': siblings };
}

/** Of a unit whose children have rows: the bracket is drawn, this is what takes the focus. */
function Bracket(props: ItemProps & { readonly bar: Bar | undefined }): JSX.Element | null {
  const { item, bar, tab } = props;
  if (!bar) return null;
  const { path } = item.unit;
  return (
    <div
      class="layers-bracket-item"
      role="treeitem"
      tabIndex={tab}
      {...ariaOf(item)}
      aria-expanded={true}
      aria-label={unitWords(item.unit)}
      style={{
        left: `${bar.left - 1}px`,
        top: `${bar.top}px`,
        width: `${bar.width + 2}px`,
        height: `${bar.height}px`,
      }}
      onFocus={() => focused(path)}
      onBlur={() => blurred(path)}
    />
  );
}

function Label(props: ItemProps & { readonly top: number }): JSX.Element {
  const { item, top, tab } = props;
  const { path } = item.unit;
  const expanded = shownLayers.value.includes(path);
  const found = model.findings.value.get(path) ?? [];
  const plain = topLayers.value !== null;
  const able = item.children > 0 || (item.expands && !plain);
  return (
    <div
      class="layers-label"
      role="treeitem"
      tabIndex={tab}
      data-unit={path}
      data-able={able ? '' : undefined}
      data-expanded={expanded ? '' : undefined}
      {...ariaOf(item)}
      aria-expanded={item.children > 0 ? false : item.expands ? expanded : undefined}
      aria-label={[unitWords(item.unit), ...found.map(({ text }) => text)].join('. ')}
      title={unitWords(item.unit)}
      style={{ top: `${top}px`, left: `${LABELS_LEFT}px`, width: `${GUTTER - LABELS_LEFT}px` }}
      onFocus={() => focused(path)}
      onBlur={() => blurred(path)}
    >
      {!plain && <span class="layers-label-icon">{able && <Icon name="chevron" size={14} />}</span>}
      <span class="layers-label-text">
        <span class="layers-label-name">{model.labels.value.get(path) ?? unitName(path)}</span>
        <span class="layers-label-size tabular">
          {isPaired.value ? (
            <RunName
              which="own"
              name={shortTitles.value.own}
              title={ownTitle.value}
              room={RUN_ROOM - markRoom(found.length)}
            />
          ) : (
            `${parametersOf(item.unit)} param.`
          )}
          {found.length > 0 && <FindingMark findings={found} />}
        </span>
      </span>
    </div>
  );
}

function markRoom(findings: number): number {
  return findings > 0 ? FINDING_ROOM : 0;
}

function FindingMark({ findings }: { readonly findings: readonly Finding[] }): JSX.Element {
  return (
    <span
      class="layers-finding"
      data-severity={findings[0]?.severity}
      title={findings.map(({ text }) => text).join('\n')}
    >
      <Icon name={findings[0]?.severity === 'note' ? 'info' : 'warning'} size={14} />
    </span>
  );
}

function focused(path: string): void {
  model.treePath.value = path;
  hoveredUnit.value = path;
}

function blurred(path: string): void {
  if (hoveredUnit.value === path) hoveredUnit.value = null;
}
