import type { Lane, Role } from './model';

/** As in timeline.css. */
export const ROLE_DASHES: Readonly<Record<Role, string>> = { train: 'none', validation: '4 4' };

export function rolesOf(lanes: readonly Lane[]): readonly Role[] {
  return [...new Set(lanes.flatMap((lane) => lane.curves.map(({ role }) => role)))];
}

/** The two line styles, once for both lanes. */
export function CurveKey({ lanes }: { readonly lanes: readonly Lane[] }) {
  return (
    <>
      {rolesOf(lanes).map((role) => (
        <span key={role} class="curve-key">
          <svg width="20" height="8" aria-hidden="true">
            <line class="curve" data-role={role} x1="0" y1="4" x2="20" y2="4" />
          </svg>
          {role}
        </span>
      ))}
    </>
  );
}
