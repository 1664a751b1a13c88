import { type Keys, readKeys, replaceKeys } from './hash';

const WRITE_DELAY_MS = 150;

/** The page's state in TensorBoard's address bar. */
export class Address {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private pending: Keys | null = null;

  constructor(private readonly host: Window) {}

  read(): Keys {
    return readKeys(this.host.location.hash);
  }

  /** Written after a pause, in place: moving a handle must not fill the history. */
  write(keys: Keys): void {
    this.pending = keys;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), WRITE_DELAY_MS);
  }

  /** The address that opens this very selection. */
  get link(): string {
    this.flush();
    return this.host.location.href;
  }

  /** Calls back with our keys when the address is edited or Back is pressed. */
  watch(onChange: (keys: Keys) => void): () => void {
    const read = () => {
      this.discard();
      onChange(this.read());
    };
    this.host.addEventListener('hashchange', read);
    return () => {
      this.discard();
      this.host.removeEventListener('hashchange', read);
    };
  }

  private discard(): void {
    clearTimeout(this.timer);
    this.pending = null;
  }

  private flush(): void {
    const keys = this.pending;
    this.discard();
    if (keys === null) return;
    const { location, history } = this.host;
    const hash = replaceKeys(location.hash, keys);
    if (hash === location.hash) return;
    const url = `${location.pathname}${location.search}${hash}`;
    history.replaceState(history.state, '', url);
  }
}
