/** The tree of units beside the rows, and where its parts lie in the gutter. */

import type { TrainingUnit } from '../../client/types';
import { short } from '../../render/svg-document';
import { layersBelow, type UnitTree } from '../../state/training-units';
import { ROW, type UnitRow } from './rows';

/** Pixels from the left edge; the drawn network is left of the bars. */
const BARS_LEFT = 39;
const BARS_RIGHT = 63;
const BAR_PITCH = 9;
export const LABELS_LEFT = 84;
/** A layer's rectangle in a short network. */
const LAYER_MOST = 10;

/** A unit of the tree that is in sight: one with a row, or one whose children are. */
export interface TreeItem {
  readonly unit: TrainingUnit;
  /** 1 for the outermost. */
  readonly level: number;
  readonly parent: string | null;
  readonly open: boolean;
  readonly children: number;
  /** Whether its filters can be shown. */
  readonly expands: boolean;
  /** Among its siblings, from 1. */
  readonly position: number;
  readonly siblings: number;
}

/** In the order in which arrow keys move: every open unit comes before its children. */
export function treeItems(tree: UnitTree, shown: readonly string[]): readonly TreeItem[] {
  const rows = new Set(shown);
  const items: TreeItem[] = [];
  const add = (paths: readonly string[], level: number, parent: string | null): void => {
    const listed = paths.filter((path) => layersOrRow(tree, path, rows));
    listed.forEach((path, index) => {
      const unit = tree.units.get(path);
      if (!unit) return;
      const inner = tree.children.get(path) ?? [];
      const open = !rows.has(path);
      items.push({
        unit,
        level,
        parent,
        open,
        children: inner.length,
        expands: inner.length === 0 && unit.filters > 0,
        position: index + 1,
        siblings: listed.length,
      });
      if (open) add(inner, level + 1, path);
    });
  };
  add(tree.top, 1, null);
  return items;
}

/** Whether a unit has a row, or something below it has. */
function layersOrRow(tree: UnitTree, path: string, rows: ReadonlySet<string>): boolean {
  if (rows.has(path)) return true;
  return (tree.children.get(path) ?? []).some((child) => layersOrRow(tree, child, rows));
}

export interface Bar {
  readonly item: TreeItem;
  readonly left: number;
  readonly width: number;
  readonly top: number;
  readonly height: number;
}

/** Where a layer lies in the gutter. */
export interface LayerMark {
  readonly path: string;
  readonly top: number;
  readonly height: number;
}

export interface Connector {
  readonly path: string;
  /** Of a drawing. */
  readonly d: string;
}

export interface TreeLayout {
  readonly height: number;
  /** From one layer of the network to the next. */
  readonly pitch: number;
  readonly layers: readonly LayerMark[];
  readonly bars: readonly Bar[];
  readonly connectors: readonly Connector[];
}

/** The network runs evenly from the top of the rows to their end, whatever is opened. */
export function layOutTree(
  tree: UnitTree,
  items: readonly TreeItem[],
  rows: readonly UnitRow[],
  height: number,
): TreeLayout {
  const all = tree.top.flatMap((path) => layersBelow(tree, path));
  const pitch = height / Math.max(1, all.length);
  const tall = Math.min(LAYER_MOST, pitch - (pitch > 6 ? 2.5 : pitch > 3 ? 1 : 0));
  const places = new Map(all.map((path, index) => [path, index]));
  const layers = all.map((path, index) => ({
    path,
    top: index * pitch + (pitch - tall) / 2,
    height: tall,
  }));
  const levels = Math.max(1, ...items.map(({ level }) => level));
  const step = Math.min(BAR_PITCH, (BARS_RIGHT - BARS_LEFT) / levels);
  const gap = pitch > 4 ? 1 : pitch / 5;
  const bars = items.map((item): Bar => {
    const inner = layersBelow(tree, item.unit.path);
    const first = places.get(inner[0] ?? '') ?? 0;
    const last = places.get(inner.at(-1) ?? '') ?? first;
    const left = BARS_LEFT + (item.level - 1) * step;
    const [top, end] = [first * pitch + gap, (last + 1) * pitch - gap];
    return { item, left, width: step - 2, top, height: Math.max(1, end - top) };
  });
  const middles = new Map(rows.map((row) => [row.unit.path, row.top + ROW / 2]));
  const connectors = bars.flatMap((bar) => {
    const to = middles.get(bar.item.unit.path);
    return to === undefined ? [] : [{ path: bar.item.unit.path, d: curve(bar, to) }];
  });
  return { height, pitch, layers, bars, connectors };
}

/** From the middle of a bar to the middle of its row. */
function curve(bar: Bar, to: number): string {
  const from = short(bar.top + bar.height / 2);
  const [start, end] = [short(bar.left + bar.width), LABELS_LEFT - 2];
  const bend = (BARS_RIGHT + end) / 2;
  return `M${start} ${from}H${BARS_RIGHT}C${bend} ${from} ${bend} ${short(to)} ${end} ${short(to)}`;
}

/** What opens and closes a unit; null for a key that does nothing to it. */
export function openAfter(
  open: readonly string[],
  path: string,
  whether: boolean,
): readonly string[] {
  const others = open.filter((known) => known !== path);
  return whether ? [...others, path] : others;
}
