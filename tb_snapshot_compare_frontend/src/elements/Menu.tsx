import { useEffect, useRef, useState } from 'preact/hooks';
import { adoptStyles } from '../theme/styles';
import { Button } from './Button';
import { Icon, type IconName } from './Icon';
import css from './Menu.css?inline';
import { Popover } from './Popover';

adoptStyles(css);

export interface MenuItem {
  readonly label: string;
  readonly onSelect: () => void;
}

export interface MenuProps {
  /** The accessible name of the button. */
  readonly label: string;
  readonly icon?: IconName;
  readonly items: readonly MenuItem[];
}

/** An icon button with a menu of commands. */
export function Menu({ label, icon = 'more', items }: MenuProps) {
  const [anchor, setAnchor] = useState<HTMLElement | null>(null);
  return (
    <>
      <Button
        variant="icon"
        label={label}
        aria-haspopup="menu"
        aria-expanded={anchor !== null}
        onClick={(event) => setAnchor(anchor ? null : event.currentTarget)}
      >
        <Icon name={icon} />
      </Button>
      {anchor && (
        <Popover anchor={anchor} align="end" onClose={() => setAnchor(null)}>
          <MenuList
            label={label}
            items={items}
            onDone={() => {
              setAnchor(null);
              anchor.focus();
            }}
          />
        </Popover>
      )}
    </>
  );
}

function MenuList({
  label,
  items,
  onDone,
}: {
  readonly label: string;
  readonly items: readonly MenuItem[];
  readonly onDone: () => void;
}) {
  const list = useRef<HTMLDivElement>(null);
  const buttons = () => [...(list.current?.querySelectorAll('button') ?? [])];
  useEffect(() => buttons()[0]?.focus(), []);

  const move = (event: KeyboardEvent) => {
    const all = buttons();
    const current = all.indexOf(document.activeElement as HTMLButtonElement);
    const target = { ArrowDown: current + 1, ArrowUp: current - 1, Home: 0, End: -1 }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    all.at(target % all.length)?.focus();
  };

  return (
    <div ref={list} role="menu" aria-label={label} class="menu" onKeyDown={move}>
      {items.map((item) => (
        <button
          key={item.label}
          type="button"
          role="menuitem"
          tabIndex={-1}
          onClick={() => {
            onDone();
            item.onSelect();
          }}
        >
          {item.label}
        </button>
      ))}
    </div>
  );
}
