import type { Lane, Role } from './model';

/** The two line styles, once for both lanes. */
export function CurveKey({ lanes }: { readonly lanes: readonly Lane[] }) {
  const roles = new Set<Role>(lanes.flatMap((lane) => lane.curves.map(({ role }) => role)));
  return (
    <>
      {[...roles].map((role) => (
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
