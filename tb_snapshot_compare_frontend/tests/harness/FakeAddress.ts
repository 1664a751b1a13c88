import type { AddressBar } from '../../src/state/loader';
import type { Keys } from '../../src/state/url';

/** An address bar in memory. */
export class FakeAddress implements AddressBar {
  private listener: ((keys: Keys) => void) | null = null;

  constructor(public keys: Keys = {}) {}

  read(): Keys {
    return this.keys;
  }

  write(keys: Keys): void {
    this.keys = keys;
  }

  watch(onChange: (keys: Keys) => void): () => void {
    this.listener = onChange;
    return () => {
      this.listener = null;
    };
  }

  /** As when the user edits the address or presses Back. */
  edit(keys: Keys): void {
    this.keys = keys;
    this.listener?.(keys);
  }
}
