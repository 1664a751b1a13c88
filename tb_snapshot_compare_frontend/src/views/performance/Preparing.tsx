/** What is done to an image before the network sees it: said, and chosen. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Preparing as Choice, Preprocessing } from '../../client/types';
import { Button } from '../../elements/Button';
import { Popover } from '../../elements/Popover';
import { Select } from '../../elements/Select';
import { readyModel } from '../../state/probe-images';
import { AS_THE_MODEL, isAsTheModel, preparing } from '../../state/probing-choice';

const RESIZES = [
  { value: 'stretch', label: 'stretch to the input' },
  { value: 'crop', label: 'largest middle part' },
  { value: 'pad', label: 'fill up with black' },
] as const;
const SCALES = [
  { value: 'none', label: '0 to 255' },
  { value: 'unit', label: '0 to 1' },
  { value: 'signed', label: '−1 to 1' },
] as const;
const ORDERS = [
  { value: 'rgb', label: 'red, green, blue' },
  { value: 'bgr', label: 'blue, green, red' },
] as const;

const RESIZE_WORDS = {
  stretch: 'stretched to',
  crop: 'cut to their largest middle part and resized to',
  pad: 'filled up with black and resized to',
} as const;

export function PreparingButton(): JSX.Element | null {
  const [anchor, setAnchor] = useState<HTMLElement | null>(null);
  const model = readyModel.value;
  if (!model?.preprocessing) return null;
  const own = !isAsTheModel(preparing.value);
  return (
    <>
      <Button
        title={model.preprocessing.stated}
        aria-haspopup="dialog"
        aria-expanded={anchor !== null}
        onClick={(event) => setAnchor(anchor ? null : event.currentTarget)}
      >
        Input{own ? ': changed' : ''}
      </Button>
      {anchor && (
        <Popover anchor={anchor} align="end" onClose={() => setAnchor(null)}>
          <Form stated={model.preprocessing} size={model.input_size} />
        </Popover>
      )}
    </>
  );
}

function Form({
  stated,
  size,
}: {
  readonly stated: Preprocessing;
  readonly size: readonly (number | null)[];
}): JSX.Element {
  const choice = preparing.value;
  const set = (part: Partial<Choice>): void => {
    preparing.value = { ...choice, ...part };
  };
  const channels = size[2] ?? 3;
  return (
    <div class="perf-preparing" role="dialog" aria-label="How images become input">
      <p>{stated.stated}</p>
      <p class="muted">
        Images are {RESIZE_WORDS[choice.resize ?? stated.resize]} {inputSize(size)}.
        {stated.in_model.length > 0 && ' Values, mean and deviation are best left as they are.'}
      </p>
      <Select
        label="Size"
        value={choice.resize ?? stated.resize}
        options={RESIZES}
        onChange={(resize) => set({ resize: resize === stated.resize ? null : resize })}
      />
      <Select
        label="Values"
        value={choice.scale ?? stated.scale}
        options={SCALES}
        onChange={(scale) => set({ scale: scale === stated.scale ? null : scale })}
      />
      <Select
        label="Channels"
        value={choice.order ?? stated.order}
        options={ORDERS}
        onChange={(order) => set({ order: order === stated.order ? null : order })}
      />
      <Numbers
        label="Mean"
        help="Subtracted, by channel"
        value={choice.mean}
        stated={stated.mean}
        channels={channels}
        onChange={(mean) => set({ mean })}
      />
      <Numbers
        label="Deviation"
        help="Then divided by, by channel"
        value={choice.std}
        stated={stated.std}
        channels={channels}
        positive
        onChange={(std) => set({ std })}
      />
      <Button
        disabled={isAsTheModel(choice)}
        onClick={() => {
          preparing.value = AS_THE_MODEL;
        }}
      >
        As stated
      </Button>
    </div>
  );
}

function inputSize([height, width]: readonly (number | null)[]): string {
  return height && width ? `${height} × ${width}` : 'what the model takes';
}

interface NumbersProps {
  readonly label: string;
  readonly help: string;
  readonly value: readonly number[];
  readonly stated: readonly number[];
  readonly channels: number;
  readonly positive?: boolean;
  readonly onChange: (value: readonly number[]) => void;
}

/** One number by channel, separated by commas; nothing leaves it as stated. */
function Numbers(props: NumbersProps): JSX.Element {
  const { label, help, value, stated, channels, positive = false, onChange } = props;
  const [wrong, setWrong] = useState<string | null>(null);
  const commit = (text: string): void => {
    const parts = text.split(/[,;\s]+/).filter(Boolean);
    const numbers = parts.map(Number);
    const fits = numbers.length === 0 || numbers.length === channels;
    if (!fits) setWrong(`${channels} numbers, separated by commas`);
    else if (!numbers.every(Number.isFinite)) setWrong('not a number');
    else if (positive && numbers.some((number) => number <= 0)) setWrong('larger than 0');
    else {
      setWrong(null);
      onChange(numbers);
    }
  };
  return (
    <label class="perf-numbers" title={help}>
      <span class="select-label">{label}</span>
      <input
        type="text"
        inputMode="decimal"
        value={value.join(', ')}
        placeholder={stated.length > 0 ? stated.join(', ') : 'none'}
        aria-invalid={wrong !== null}
        onChange={(event) => commit(event.currentTarget.value)}
      />
      {wrong && <span role="alert">{wrong}</span>}
    </label>
  );
}
