import { Component, type ComponentChild, type FunctionComponent, h } from 'preact';

/** A component that is drawn again only when one of its properties is another value. */
export function memo<P extends object>(Inner: FunctionComponent<P>): FunctionComponent<P> {
  class Memo extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      const [old, now] = [this.props as Record<string, unknown>, next as Record<string, unknown>];
      const keys = new Set([...Object.keys(old), ...Object.keys(now)]);
      return [...keys].some((key) => old[key] !== now[key]);
    }
    override render(): ComponentChild {
      return h(Inner, this.props as P);
    }
  }
  return Memo as unknown as FunctionComponent<P>;
}
