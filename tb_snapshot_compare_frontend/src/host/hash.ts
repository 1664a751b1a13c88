/**
 * Our part of TensorBoard's address: `#snapshot_compare&p.snapshot_compare.KEY=VALUE&...`.
 * What belongs to others is kept as it is.
 */
const TAB = 'snapshot_compare';
const PREFIX = `p.${TAB}.`;

export type Keys = Readonly<Record<string, string>>;

/** Our keys in a hash (with or without `#`). Parts that cannot be decoded are ignored. */
export function readKeys(hash: string): Keys {
  const keys: Record<string, string> = {};
  for (const part of parts(hash)) {
    const name = ownName(part);
    const value = decode(part.slice(part.indexOf('=') + 1));
    if (name !== null && value !== null) keys[name] = value;
  }
  return keys;
}

/** The hash with our keys replaced by `keys`; an empty hash becomes one that opens our tab. */
export function replaceKeys(hash: string, keys: Keys): string {
  const others = parts(hash).filter((part) => ownName(part) === null);
  const ours = Object.entries(keys).map(([name, value]) => `${PREFIX}${name}=${encode(value)}`);
  return `#${[...(others.length > 0 ? others : [TAB]), ...ours].join('&')}`;
}

function parts(hash: string): string[] {
  return hash
    .replace(/^#/, '')
    .split('&')
    .filter((part) => part !== '');
}

function ownName(part: string): string | null {
  const name = decode(part.slice(0, Math.max(0, part.indexOf('='))));
  return name?.startsWith(PREFIX) ? name.slice(PREFIX.length) : null;
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/** Slashes, commas and colons stay readable; in a fragment they need no escape. */
function encode(value: string): string {
  return encodeURIComponent(value).replace(/%(2F|2C|3A)/g, decodeURIComponent);
}
