import { type ComponentChildren, Fragment } from 'preact';
import { useRef } from 'preact/hooks';
import { Splitter } from '../elements/Splitter';
import { useSize } from '../elements/use-size';
import { FRACTION_MIN, moveBorder } from '../state/layout';

export interface SplitItem {
  readonly key: string;
  readonly name: string;
  readonly content: ComponentChildren;
}

export interface SplitProps {
  readonly direction: 'row' | 'column';
  readonly items: readonly SplitItem[];
  readonly fractions: readonly number[];
  readonly onChange: (fractions: readonly number[]) => void;
  /** Shows this one alone; the others keep their state, hidden. */
  readonly only?: string | null;
  /** Pixels that an item has at least: together they may be longer than what is around them. */
  readonly least?: number;
}

/** Items side by side (or one below the other) with borders that can be moved. */
export function Split({
  direction,
  items,
  fractions,
  onChange,
  only = null,
  least = 0,
}: SplitProps) {
  const box = useRef<HTMLDivElement>(null);
  const size = useSize(box);
  const leastOf = direction === 'row' ? 'minWidth' : 'minHeight';
  const length = size === null ? 1 : direction === 'row' ? size.width : size.height;
  return (
    <div ref={box} class="split" data-direction={direction}>
      {items.map((item, index) => {
        const fraction = fractions[index] ?? 1 / items.length;
        const next = items[index + 1];
        const both = fraction + (fractions[index + 1] ?? 0);
        return (
          <Fragment key={item.key}>
            <div
              class="split-item"
              hidden={only !== null && only !== item.key}
              style={{
                flexGrow: only === null ? fraction : 1,
                ...(least > 0 && only === null && { [leastOf]: `${least}px` }),
              }}
            >
              {item.content}
            </div>
            {next && only === null && (
              <Splitter
                label={`Border between ${item.name} and ${next.name}`}
                orientation={direction === 'row' ? 'vertical' : 'horizontal'}
                value={fraction * length}
                min={FRACTION_MIN * length}
                max={(both - FRACTION_MIN) * length}
                onChange={(value) =>
                  onChange(moveBorder(fractions, index, value / length - fraction))
                }
                onReset={() => onChange(items.map(() => 1 / items.length))}
              />
            )}
          </Fragment>
        );
      })}
    </div>
  );
}
