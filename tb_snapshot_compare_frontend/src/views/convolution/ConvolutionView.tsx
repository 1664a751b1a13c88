/** The kernel of the selected layer as a map: a column per filter, a row per input channel. */
import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { KernelMap } from '../../client/types';
import { Button } from '../../elements/Button';
import { FailureState } from '../../elements/EmptyState';
import { Icon } from '../../elements/Icon';
import { Panel } from '../../elements/Panel';
import type { PanelExports, PanelProps } from '../../elements/panel-types';
import { Segments } from '../../elements/Segments';
import { Select } from '../../elements/Select';
import { Camera } from '../../render/camera';
import { dark } from '../../state/environment';
import { differenceTiles, kernelMap, shownTiles } from '../../state/kernel';
import { latest, type Resource } from '../../state/resources';
import {
  columnsBy,
  type KernelOrder,
  kernelQuantity,
  kernelMode as mode,
  orderKernel,
  rowsBy,
  selectKernelTensor,
} from '../../state/selection';
import { shortTensor } from '../../state/tensors';
import { adoptStyles } from '../../theme/styles';
import css from './Convolution.css?inline';
import { Footer } from './Footer';
import { mapCsv, mapSvg } from './files';
import { extentOf, fitScale } from './geometry';
import { KernelStage } from './KernelStage';
import { MapDrawing } from './MapDrawing';
import { QUANTITIES, shownAs } from './quantities';
import { ROWS_MOST, SliceTable } from './SliceTable';
import type { Canvases } from './StagePainter';
import { Waiting } from './states';
import { weightsOf } from './words';

adoptStyles(css);

const MODES = [
  { value: 'map', label: 'Map' },
  { value: 'table', label: 'Table' },
] as const;
const ORDERS: readonly { readonly value: KernelOrder; readonly label: string }[] = [
  { value: 'index', label: 'index' },
  { value: 'difference', label: 'difference' },
  { value: 'similarity', label: 'similarity' },
];
const ZOOM = 1.6;
const MAP_HINT = 'Click a cell for its numbers, a strip for its channel';
const TABLE_HINT = `The slices that differ most, ${ROWS_MOST} at most`;

const brushing = signal(false);

export function ConvolutionView(): JSX.Element {
  const resource = kernelMap.value;
  const known = latest(resource);
  const map = known && shownTiles.value && resource.status !== 'failed' ? known : null;
  const camera = useMemo(
    () => new Camera({ minScale: 1e-3, maxScale: 1e3, contained: true }),
    [map?.tensor],
  );
  const redraw = useRef<() => void>(() => undefined);
  const canvases = useRef<Canvases | null>(null);
  const identity = map && `${map.layer} ${map.tensor}`;
  const drawing = useMemo(() => new MapDrawing(() => redraw.current()), [identity]);
  useEffect(() => () => drawing.dispose(), [drawing]);
  const theme = dark.value ? 'dark' : 'light';
  const shown = map && shownAs(map, kernelQuantity.value, theme);
  const exports: { exports?: PanelExports } =
    map && shown
      ? {
          exports: {
            name: `${kernelQuantity.value}-${map.tensor}`,
            csv: () => mapCsv(map, drawing, camera, shown),
            ...(mode.value === 'map' && {
              svg: () => mapSvg(map, canvases.current, camera.view.peek(), shown),
            }),
          },
        }
      : {};
  return (
    <Panel
      id="convolution"
      title="Convolution operation"
      {...(map && { subtitle: `${map.tensor} · ${weightsOf(map)}` })}
      toolbar={map && <TensorSelect map={map} />}
      controls={map && <Controls map={map} />}
      busy={busyOf(resource)}
      {...exports}
    >
      {resource.status === 'failed' ? (
        <FailureState title="The kernel could not be compared" failure={resource.failure} />
      ) : map === null ? (
        <Waiting />
      ) : (
        <div class="kernel">
          {mode.value === 'map' ? (
            <KernelStage
              key={identity}
              map={map}
              camera={camera}
              drawing={drawing}
              brushing={brushing.value}
              onRedraw={redraw}
              canvases={canvases}
            />
          ) : (
            <SliceTable feed={differenceTiles.value} />
          )}
          <Footer
            map={map}
            shown={mode.value === 'map' ? shown : null}
            drawing={drawing}
            hint={mode.value === 'map' ? MAP_HINT : TABLE_HINT}
            tools={mode.value === 'map' && <Tools map={map} camera={camera} />}
          />
        </div>
      )}
    </Panel>
  );
}

interface ControlsProps {
  readonly map: KernelMap;
  readonly camera: Camera;
}

function Controls({ map }: Pick<ControlsProps, 'map'>): JSX.Element {
  const onMap = mode.value === 'map';
  return (
    <>
      {onMap && (
        <Select
          label="Show"
          value={kernelQuantity.value}
          options={QUANTITIES}
          onChange={(quantity) => {
            kernelQuantity.value = quantity;
          }}
        />
      )}
      {onMap && map.rows > 1 && (
        <Select
          label="Rows by"
          value={rowsBy.value}
          options={ORDERS}
          title={`Order of ${map.row_word}s`}
          onChange={(order) => orderKernel('rows', order)}
        />
      )}
      {onMap && map.columns > 1 && (
        <Select
          label="Columns by"
          value={columnsBy.value}
          options={ORDERS}
          title={`Order of ${map.column_word}s`}
          onChange={(order) => orderKernel('columns', order)}
        />
      )}
      <div class="kernel-mode">
        <Segments
          small
          label="Show the kernel as"
          value={mode.value}
          options={MODES}
          onChange={(next) => {
            mode.value = next;
          }}
        />
      </div>
    </>
  );
}

/** Brush and zoom, beside the legend. */
function Tools({ map, camera }: ControlsProps): JSX.Element {
  return (
    <div class="kernel-tools">
      <Button
        class="kernel-brush"
        title="Drag on the map to select an area; also Shift and drag"
        aria-pressed={brushing.value}
        onClick={() => {
          brushing.value = !brushing.value;
        }}
      >
        Select area
      </Button>
      <Button
        variant="icon"
        label="Zoom in"
        title="Zoom in (+, or Ctrl and the wheel)"
        onClick={() => camera.zoomBy(ZOOM)}
      >
        <Icon name="plus" />
      </Button>
      <Button
        variant="icon"
        label="Zoom out"
        title="Zoom out (−, or Ctrl and the wheel)"
        onClick={() => camera.zoomBy(1 / ZOOM)}
      >
        <Icon name="minus" />
      </Button>
      <Button
        variant="icon"
        label="Whole map"
        title="Whole map (0)"
        onClick={() => showAll(camera, map)}
      >
        <Icon name="fit" />
      </Button>
    </div>
  );
}

function showAll(camera: Camera, map: KernelMap): void {
  camera.fit(0, fitScale(extentOf(map), camera.room));
}

function TensorSelect({ map }: { readonly map: KernelMap }): JSX.Element | null {
  const tensors = map.tensors.filter(({ compared }) => compared);
  if (tensors.length < 2) return null;
  return (
    <Select
      label="Tensor"
      value={map.tensor}
      options={tensors.map(({ name }) => ({ value: name, label: shortTensor(name, map.layer) }))}
      title="The weights of the layer that the map shows"
      onChange={selectKernelTensor}
    />
  );
}

function busyOf(resource: Resource<KernelMap>): NonNullable<PanelProps['busy']> | null {
  if (resource.status !== 'loading') return null;
  const { job } = resource;
  return {
    label: job?.label ?? 'Comparing slices',
    fraction: job !== null && job.total > 0 ? job.done / job.total : null,
  };
}
