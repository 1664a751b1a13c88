import type { ComponentType } from 'preact';
import { layout } from '../state/layout';
import { maximised, type ViewId } from '../state/selection';
import { Split, type SplitItem } from './Split';

/** Pixels of height that a row of panels has at least; the page scrolls where there are fewer. */
const ROW_LEAST = 400;

export interface GridPanel {
  readonly id: ViewId;
  readonly name: string;
  readonly View: ComponentType;
}

/** Rows of panels; a maximised one stands alone. */
export function PanelGrid({ rows }: { readonly rows: readonly (readonly GridPanel[])[] }) {
  const large = maximised.value;
  const inGrid = (panels: readonly GridPanel[]) => panels.some(({ id }) => id === large);
  const only = large !== null && rows.some(inGrid) ? large : null;
  const items = rows.map(
    (panels, index): SplitItem => ({
      key: String(index),
      name: panels.map(({ name }) => name).join(' and '),
      content: <PanelRow panels={panels} index={index} only={only} />,
    }),
  );
  return (
    <Split
      direction="column"
      items={items}
      fractions={sharesOf(layout.value.rows, rows.length)}
      only={only === null ? null : String(rows.findIndex(inGrid))}
      onChange={(fractions) => {
        layout.value = { ...layout.value, rows: fractions };
      }}
      least={ROW_LEAST}
    />
  );
}

interface PanelRowProps {
  readonly panels: readonly GridPanel[];
  readonly index: number;
  readonly only: ViewId | null;
}

function PanelRow({ panels, index, only }: PanelRowProps) {
  return (
    <Split
      direction="row"
      items={panels.map(({ id, name, View }) => ({ key: id, name, content: <View /> }))}
      fractions={sharesOf(layout.value.columns[index] ?? [], panels.length)}
      only={only}
      onChange={(fractions) => {
        const { columns } = layout.value;
        layout.value = { ...layout.value, columns: columns.with(index, fractions) };
      }}
    />
  );
}

/** The stored shares hold for a full grid. */
function sharesOf(stored: readonly number[], count: number): readonly number[] {
  return stored.length === count ? stored : Array.from({ length: count }, () => 1 / count);
}
