import { type Mark, type MarkState, STATE_WORDS } from './model';

const EXPLAINED: readonly MarkState[] = ['being_written', 'broken', 'replaced', 'gone'];

/** The marks that are on show and no plain dot: each has a shape of its own, beside its colour. */
export function StateKey({ marks }: { readonly marks: readonly Mark[] }) {
  const present = EXPLAINED.filter((state) => marks.some((mark) => mark.state === state));
  if (present.length === 0) return null;
  return (
    <span class="state-key">
      {present.map((state) => (
        <span key={state}>
          <svg width="14" height="14" viewBox="-7 -7 14 14" aria-hidden="true">
            <Shape state={state} />
          </svg>
          {STATE_WORDS[state]}
        </span>
      ))}
    </span>
  );
}

function Shape({ state }: { readonly state: MarkState }) {
  switch (state) {
    case 'being_written':
      return <circle class="mark-written" r={3.5} />;
    case 'broken':
      return <path class="mark-broken" d="M-3.5 -3.5L3.5 3.5M-3.5 3.5L3.5 -3.5" />;
    case 'replaced':
      return (
        <>
          <circle class="mark-ready" r={2.5} />
          <circle class="mark-replaced" r={5.5} />
        </>
      );
    default:
      return <circle class="mark-gone" r={4} />;
  }
}
