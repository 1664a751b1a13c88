/** The network, the bars of its tree and the curves from them to the rows. */
import type { JSX } from 'preact';
import { GUTTER } from '../../scales/steps';
import { hoveredUnit, shownLayers, units } from '../../state/training';
import { layersBelow } from '../../state/training-units';
import * as model from './model';
import type { Bar } from './tree';
import { unitWords } from './words';

/** It is drawn anew only when rows open or close; what is pointed at is drawn over it. */
export function TreeDrawing(): JSX.Element {
  const { bars, connectors, height } = model.treeLayout.value;
  return (
    <svg class="layers-tree" width={GUTTER} height={height} aria-hidden="true">
      <NetworkStrip />
      {connectors.map(({ path, d }) => (
        <path key={path} class="layers-curve" d={d} />
      ))}
      {bars.map((bar) => (
        <BarMark key={bar.item.unit.path} bar={bar} />
      ))}
    </svg>
  );
}

/** The layers from top to bottom, and where data goes from each. */
function NetworkStrip(): JSX.Element {
  const { layers, joins, links } = model.strip.value;
  const known = units.value.units;
  return (
    <>
      {links.map(({ source, target, d }) => (
        <path key={`${source}\n${target}`} class="layers-link" d={d} />
      ))}
      {layers.map((layer) => {
        const unit = known.get(layer.path);
        return (
          <rect
            key={layer.path}
            class="layers-layer"
            data-unit={layer.path}
            data-plain={unit?.filters === 0 ? '' : undefined}
            x={layer.left}
            y={layer.top}
            width={layer.width}
            height={layer.height}
            rx={layer.height > 4 ? 1.5 : 0}
          >
            {unit && <title>{unitWords(unit)}</title>}
          </rect>
        );
      })}
      {joins.map(({ id, kind, x, y, radius }) => (
        <circle key={id} class="layers-join" cx={x} cy={y} r={radius}>
          <title>{`${id}, ${kind}`}</title>
        </circle>
      ))}
    </>
  );
}

/** A bar of a unit with a row; a bracket of one whose children have rows. */
function BarMark({ bar }: { readonly bar: Bar }): JSX.Element {
  const { item, left, width, top, height } = bar;
  const { path } = item.unit;
  const shape = item.open
    ? `M${left + width} ${top + 0.5}H${left + 1}V${top + height - 0.5}H${left + width}`
    : `M${left} ${top}h${width}v${height}h${-width}z`;
  return (
    <g data-unit={path} data-bar={item.open ? 'open' : item.children > 0 ? 'closed' : 'layer'}>
      <rect class="layers-bar-reach" x={left - 1} y={top} width={width + 2} height={height} />
      <path class={item.open ? 'layers-bracket' : 'layers-bar'} d={shape} />
      <title>
        {unitWords(item.unit)}
        {item.open ? ' – click to close' : item.children > 0 ? ' – click to open' : ''}
      </title>
    </g>
  );
}

/** What belongs to the unit under the pointer, on both sides. */
export function TreeHighlight(): JSX.Element | null {
  const path = hoveredUnit.value;
  const { bars, connectors, height } = model.treeLayout.value;
  const { layers } = model.strip.value;
  const opened = new Set(shownLayers.value);
  const inside = new Set(path === null ? [] : layersBelow(units.value, path));
  const rows = new Set(path === null ? [] : model.rowsOfUnit(path));
  return (
    <svg class="layers-tree layers-tree-over" width={GUTTER} height={height} aria-hidden="true">
      {layers
        .filter((layer) => inside.has(layer.path) || opened.has(layer.path))
        .map((layer) => (
          <rect
            key={layer.path}
            class={inside.has(layer.path) ? 'layers-layer-hit' : 'layers-layer-open'}
            x={layer.left}
            y={layer.top}
            width={layer.width}
            height={Math.max(1.5, layer.height)}
          />
        ))}
      {connectors
        .filter((connector) => rows.has(connector.path))
        .map((connector) => (
          <path key={connector.path} class="layers-curve-hit" d={connector.d} />
        ))}
      {bars
        .filter(({ item }) => rows.has(item.unit.path) && !item.open)
        .map(({ item, left, width, top, height: tall }) => (
          <rect
            key={item.unit.path}
            class="layers-bar-hit"
            x={left}
            y={top}
            width={width}
            height={tall}
          />
        ))}
    </svg>
  );
}
