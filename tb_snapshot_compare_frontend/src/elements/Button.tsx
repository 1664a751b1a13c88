import type { ComponentChildren, JSX } from 'preact';
import { adoptStyles } from '../theme/styles';
import css from './Button.css?inline';

adoptStyles(css);

type NativeProps = Omit<JSX.IntrinsicElements['button'], 'icon' | 'children' | 'class'>;

export interface ButtonProps extends NativeProps {
  /** `primary` is the one thing to do next; `icon` is a square, `text` a word, without a border. */
  readonly variant?: 'normal' | 'primary' | 'icon' | 'text';
  /** The accessible name of an icon button, also its tooltip. */
  readonly label?: string;
  readonly class?: string;
  readonly children: ComponentChildren;
}

export function Button({ variant = 'normal', label, children, ...rest }: ButtonProps) {
  const names = ['button', `button-${variant}`, rest.class].filter(Boolean).join(' ');
  return (
    <button type="button" {...rest} class={names} aria-label={label} title={rest.title ?? label}>
      {children}
    </button>
  );
}
