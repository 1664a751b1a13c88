/** What is under way in a panel: a label, and the part that is done where that is known. */
export interface Busy {
  readonly label: string;
  readonly fraction: number | null;
}

/** A thin bar above a panel's content. */
export function BusyBar({ label, fraction }: Busy) {
  const percent = percentOf(fraction);
  return (
    <div
      class="panel-busy"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent ?? undefined}
    >
      <div
        class={percent === null ? 'panel-busy-bar panel-busy-unknown' : 'panel-busy-bar'}
        style={percent === null ? undefined : { width: `${percent}%` }}
      />
    </div>
  );
}

export function busyText({ label, fraction }: Busy): string {
  const percent = percentOf(fraction);
  return percent === null ? `${label}…` : `${percent}\u00a0% · ${label}`;
}

function percentOf(fraction: number | null): number | null {
  return fraction === null ? null : Math.round(fraction * 100);
}
