/** Outlines on a 16-px grid, 1.5 px wide, drawn in the text colour. */
const PATHS = {
  swap: 'M2.5 5.5h10m0 0-3-3m3 3-3 3M13.5 10.5h-10m0 0 3-3m-3 3 3 3',
  link: 'M6.7 9.3a2.6 2.6 0 0 0 3.7 0l2.3-2.3a2.6 2.6 0 0 0-3.7-3.7l-.8.8m1.1 2.6a2.6 2.6 0 0 0-3.7 0L3.3 9a2.6 2.6 0 0 0 3.7 3.7l.8-.8',
  more: 'M8 3.2v.1M8 8v.1M8 12.8v.1',
  maximise: 'M9.5 2.5h4v4m0-4-4.5 4.5M6.5 13.5h-4v-4m0 4L7 9',
  restore: 'M13.5 6.5h-4v-4m0 4 4.3-4.3M2.5 9.5h4v4m0-4-4.3 4.3',
  close: 'm4 4 8 8m0-8-8 8',
  chevron: 'm4.5 6.5 3.5 3.5 3.5-3.5',
  search: 'M11.2 11.2 14 14M12.5 7.5a5 5 0 1 1-10 0 5 5 0 0 1 10 0Z',
  warning:
    'M8 6.2v3.3m0 2v.1M7.1 2.6 1.8 12a1 1 0 0 0 .9 1.5h10.6a1 1 0 0 0 .9-1.5L8.9 2.6a1 1 0 0 0-1.8 0Z',
  info: 'M8 7.2v4m0-6.4v.1M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0Z',
  check: 'm3 8.5 3.5 3.5L13 4.5',
  copy: 'M5.5 5.5v-3h8v8h-3m-8-5h8v8h-8Z',
  reset: 'M3 3v3.6h3.6M3.4 6.4A5 5 0 1 1 3 8.6',
  plus: 'M8 3.5v9M3.5 8h9',
  minus: 'M3.5 8h9',
  fit: 'M2.5 6V2.5H6m4 0h3.5V6m0 4v3.5H10m-4 0H2.5V10m3-4.5h5v5h-5Z',
  pin: 'M8 9.5v4.5M5 9.5h6c0-1.6-.8-2.4-1.6-3V3.2h.6V2H6v1.2h.6v3.3c-.8.6-1.6 1.4-1.6 3Z',
  eye: 'M1.8 8s2.2-4 6.2-4 6.2 4 6.2 4-2.2 4-6.2 4-6.2-4-6.2-4Zm4.4 0a1.8 1.8 0 1 0 3.6 0 1.8 1.8 0 0 0-3.6 0Z',
  trash: 'M3 4.5h10M6.2 4.5v-2h3.6v2M4.3 4.5l.6 9h6.2l.6-9M6.7 7v4m2.6-4v4',
  folder: 'M1.8 12.5v-9h4.4l1.6 2h6.4v7Z',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 16 16" fill="none" aria-hidden="true">
      <path
        d={PATHS[name]}
        stroke="currentColor"
        stroke-width={name === 'more' ? 2 : 1.5}
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}
