/** Machines that run other tests beside draw a page later than the second that is the default. */
import { vi } from 'vitest';

const { waitFor } = vi;
vi.waitFor = (callback, options = { timeout: 10_000 }) => waitFor(callback, options);
