import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Button } from '../../elements/Button';
import { Icon } from '../../elements/Icon';
import { Popover } from '../../elements/Popover';
import { Select } from '../../elements/Select';
import { bandEdges } from '../../state/training';
import { EDGES, EDGES_MOST, PUBLISHED, sorted, withOneMore } from './edges';
import { edgeWords } from './words';

/** Where one band of change ratios ends and the next begins. */
export function EdgesEditor(): JSX.Element {
  const [anchor, setAnchor] = useState<HTMLElement | null>(null);
  return (
    <>
      <Button
        aria-haspopup="dialog"
        aria-expanded={anchor !== null}
        onClick={(event) => setAnchor(anchor ? null : event.currentTarget)}
      >
        Bands…
      </Button>
      {anchor && (
        <Popover anchor={anchor} class="layers-edges" onClose={() => setAnchor(null)}>
          <EdgeList />
        </Popover>
      )}
    </>
  );
}

function EdgeList(): JSX.Element {
  const edges = bandEdges.value;
  const set = (next: readonly number[]): void => {
    bandEdges.value = sorted(next);
  };
  return (
    <fieldset aria-label="Edges of the bands">
      <p class="muted">Bands of |x ∕ w| end at</p>
      {edges.map((edge, index) => (
        <div key={edge} class="layers-edge">
          <Select
            label={`Edge ${index + 1}`}
            hideLabel
            value={String(edge)}
            options={optionsFor(edges, edge)}
            onChange={(value) => set(edges.with(index, Number(value)))}
          />
          <Button
            variant="icon"
            label={`Remove ${edgeWords(edge)}`}
            disabled={edges.length <= 1}
            onClick={() => set(edges.filter((other) => other !== edge))}
          >
            <Icon name="close" />
          </Button>
        </div>
      ))}
      <div class="layers-edge-commands">
        <Button
          variant="text"
          disabled={edges.length >= EDGES_MOST}
          onClick={() => set(withOneMore(edges))}
        >
          Add an edge
        </Button>
        <Button
          variant="text"
          disabled={edges.join() === PUBLISHED.join()}
          onClick={() => set(PUBLISHED)}
        >
          Decades
        </Button>
      </div>
    </fieldset>
  );
}

function optionsFor(edges: readonly number[], own: number) {
  return EDGES.filter((edge) => edge === own || !edges.includes(edge)).map((edge) => ({
    value: String(edge),
    label: edge === 0 ? '0 (unchanged)' : edgeWords(edge),
  }));
}
