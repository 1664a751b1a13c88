import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { Button } from '../../elements/Button';
import { Icon } from '../../elements/Icon';
import { Segments } from '../../elements/Segments';
import { layer, selectLayer, toggledGroups } from '../../state/selection';
import { jumpTo } from './Diagram';
import * as model from './model';
import { openByDefault } from './visible';

const MODES = [
  { value: 'diagram', label: 'Diagram' },
  { value: 'table', label: 'Table' },
] as const;

export function Toolbar() {
  const diagram = model.mode.value === 'diagram';
  const grouped = (model.network.value?.groups.size ?? 0) > 0;
  return (
    <>
      <FindLayer />
      {diagram && (
        <div class="net-toggles">
          {model.network.value?.source !== 'names' && (
            <Button
              title="Fold activations, normalisations and dropout into the layer before them"
              aria-pressed={model.compact.value}
              onClick={() => {
                model.compact.value = !model.compact.value;
              }}
            >
              Compact
            </Button>
          )}
          {model.blocksFound.value && (
            <Button
              title="Group repeated blocks of layers, found by their names"
              aria-pressed={model.blocksShown.value}
              onClick={() => {
                model.blocks.value = !model.blocksShown.value;
              }}
            >
              Blocks
            </Button>
          )}
          {grouped && <OpenAll />}
        </div>
      )}
      <div class="net-mode">
        <Segments
          label="Show the network as"
          value={model.mode.value}
          options={MODES}
          onChange={(mode) => {
            model.mode.value = mode;
          }}
        />
      </div>
    </>
  );
}

/** Opens every group, or closes them all when all are open. */
function OpenAll() {
  const network = model.network.value;
  if (!network) return null;
  const all = [...network.groups.keys()];
  const opened = all.every((name) => model.open.value.has(name));
  const toggle = (): void => {
    const byDefault = openByDefault(network);
    const wrong = all.filter((name) => byDefault.has(name) === opened);
    const elsewhere = toggledGroups.value.filter((name) => !network.groups.has(name));
    toggledGroups.value = [...elsewhere, ...wrong].sort();
  };
  return <Button onClick={toggle}>{opened ? 'Close all' : 'Open all'}</Button>;
}

/** Dims what does not match while typing; Enter goes from match to match and selects. */
function FindLayer() {
  const input = useRef<HTMLInputElement>(null);
  const at = useSignal(-1);
  const found = model.found.value;
  const searching = model.query.value.trim() !== '';
  function onKeyDown(event: KeyboardEvent): void {
    if (event.key === 'Enter' && found.length > 0) {
      event.preventDefault();
      const back = event.shiftKey ? -1 : 1;
      at.value = (at.value + back + found.length) % found.length;
      const name = found[at.value]?.name ?? null;
      if (name !== layer.value) selectLayer(name);
      jumpTo.value = name;
      requestAnimationFrame(() => requestAnimationFrame(() => input.current?.focus()));
    } else if (event.key === 'Escape' && model.query.value !== '') {
      event.preventDefault();
      event.stopPropagation();
      model.query.value = '';
      at.value = -1;
    }
  }
  return (
    <label class="net-find">
      <span class="visually-hidden">Find layer</span>
      <Icon name="search" />
      <input
        ref={input}
        type="search"
        placeholder="Find layer"
        value={model.query.value}
        onInput={(event) => {
          model.query.value = event.currentTarget.value;
          at.value = -1;
        }}
        onKeyDown={onKeyDown}
      />
      {searching && (
        <span class="net-find-count tabular" role="status">
          {found.length === 0
            ? 'none'
            : at.value < 0
              ? found.length
              : `${at.value + 1}/${found.length}`}
        </span>
      )}
    </label>
  );
}
