/** How the layers of a made-up log are connected: one after the other, residual in blocks. */
import type { Architecture, LayerNode, TrainingUnit } from '../../../src/client/types';

const BLOCK = /^(.*\/block\d+)\/([^/]+)$/;

/** As Keras's ResNet: each layer is followed by an activation, each block ends in a sum. */
export function networkOf(units: readonly TrainingUnit[]): Architecture {
  const nodes: LayerNode[] = [];
  const edges: { source: string; target: string }[] = [];
  const node = (name: string, kind: string, from: readonly string[], parameters = 0): string => {
    nodes.push({
      name,
      kind,
      parent: null,
      is_group: false,
      output_shape: null,
      tensors: parameters > 0 ? [`${name}/kernel`] : [],
      parameters,
      side: 'both',
    });
    edges.push(...from.map((source) => ({ source, target: name })));
    return name;
  };
  const layers = units.filter(({ is_layer }) => is_layer);
  let before = node('input', 'InputLayer', []);
  let entered = before;
  let shortcut: string | null = null;
  layers.forEach(({ path, kind, parameters }, index) => {
    const [, block, name] = BLOCK.exec(path) ?? [];
    if (block === undefined) {
      before = node(`${path}_relu`, 'ReLU', [node(path, kind, [before], parameters)]);
      entered = before;
      return;
    }
    if (name === 'shortcut') shortcut = node(path, kind, [entered], parameters);
    else before = node(`${path}_relu`, 'ReLU', [node(path, kind, [before], parameters)]);
    const next = layers[index + 1]?.path ?? '';
    if (next.startsWith(`${block}/`)) return;
    before = node(`${block}/add`, 'Add', [before, shortcut ?? entered]);
    entered = before;
    shortcut = null;
  });
  return { source: 'keras_config', note: 'Read from the configuration.', nodes, edges };
}
