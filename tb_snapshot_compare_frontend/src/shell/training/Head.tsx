/** What stays while the page is scrolled, and the commands for pins and zoom. */
import type { JSX } from 'preact';
import { axisWord } from '../../elements/axis-words';
import { Button } from '../../elements/Button';
import { Icon } from '../../elements/Icon';
import { formatCount, formatNumber } from '../../scales/format';
import { comparePinned, pinnedPair } from '../../state/compare-pins';
import { pinMode, pins, setPins, showPins, stepRange } from '../../state/training';
import { setRange, zoomFactor, zoomIn, zoomOut } from '../../state/training-zoom';
import { BesideBar, BesideChoice } from './Beside';
import { Overview } from './Overview';
import { TimeAxis } from './TimeAxis';

export function Head(): JSX.Element {
  return (
    <header class="training-head">
      <TimeAxis />
      <Overview />
      <BesideBar />
    </header>
  );
}

export function Tools(): JSX.Element {
  return (
    <div class="training-tools">
      <BesideChoice />
      <PinTools />
      <ZoomTools />
    </div>
  );
}

function PinTools(): JSX.Element {
  const count = pins.value.length;
  return (
    <fieldset class="training-group" aria-label="Pins">
      <Button
        aria-pressed={pinMode.value}
        title={
          pinMode.value
            ? 'A click on a chart pins its step. Press to have a click open what lies there.'
            : 'A click on a chart opens what lies there. Press to have a click pin its step.'
        }
        onClick={() => {
          pinMode.value = !pinMode.value;
        }}
      >
        <Icon name="pin" />
        Click pins
      </Button>
      <Button
        variant="icon"
        label={showPins.value ? 'Hide pins' : 'Show pins'}
        aria-pressed={showPins.value}
        disabled={count === 0}
        onClick={() => {
          showPins.value = !showPins.value;
        }}
      >
        <Icon name="eye" />
      </Button>
      <Button
        variant="icon"
        label={count === 0 ? 'Delete all pins' : `Delete all pins (${formatCount(count)})`}
        disabled={count === 0}
        onClick={() => setPins([])}
      >
        <Icon name="trash" />
      </Button>
      <CompareButton />
    </fieldset>
  );
}

function CompareButton(): JSX.Element {
  const pair = pinnedPair.value;
  const word = axisWord.value.toLowerCase();
  const title =
    pair.state === 'ready'
      ? `Compare the snapshot of ${word} ${formatCount(pair.a.step)} (a) with that of ${word} ${formatCount(pair.b.step)} (b)`
      : pair.reason;
  return (
    <Button
      variant={pair.state === 'ready' ? 'primary' : 'normal'}
      disabled={pair.state !== 'ready'}
      title={title}
      onClick={comparePinned}
    >
      {pins.value.length === 1 ? 'Compare before and after' : 'Compare these'}
    </Button>
  );
}

function ZoomTools(): JSX.Element {
  const all = stepRange.value === null;
  return (
    <fieldset class="training-group" aria-label="Zoom">
      <Button variant="icon" label="Zoom out" disabled={all} onClick={zoomOut}>
        <Icon name="minus" />
      </Button>
      <span class="training-zoom tabular" title="Ctrl with the wheel zooms, Shift with it pans">
        {formatNumber(zoomFactor.value, 2)}×
      </span>
      <Button variant="icon" label="Zoom in" onClick={zoomIn}>
        <Icon name="plus" />
      </Button>
      <Button disabled={all} onClick={() => setRange(null)}>
        Reset zoom
      </Button>
    </fieldset>
  );
}
