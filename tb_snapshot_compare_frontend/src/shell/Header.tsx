import { useEffect, useRef, useState } from 'preact/hooks';
import { Button } from '../elements/Button';
import { Icon } from '../elements/Icon';
import { Popover } from '../elements/Popover';
import { Segments } from '../elements/Segments';
import { Select } from '../elements/Select';
import { SnapshotPicker } from '../elements/SnapshotPicker';
import { copyText } from '../host/clipboard';
import { carriedShares, shadeKey } from '../state/carried';
import { announce } from '../state/environment';
import { CARRIED, METRICS, metricInfo } from '../state/metrics';
import { latest, listing } from '../state/resources';
import { metric, run, type ShadeKey, shade } from '../state/selection';
import { chooseSnapshot } from '../state/settle';
import {
  runs,
  runTitle,
  type Side,
  shownRun,
  snapshotA,
  snapshotB,
  swapSides,
} from '../state/snapshots';
import { type Page, page } from '../state/training';
import { trainingTools } from './header-tools';

const COPIED_MS = 2000;

const PAGES: readonly { readonly value: Page; readonly label: string }[] = [
  { value: 'compare', label: 'Compare' },
  { value: 'training', label: 'Training' },
];

export interface HeaderProps {
  readonly link: () => string;
  /** Whether there is a Training page beside the Compare page. */
  readonly pages: boolean;
}

/** Which page, what it is of, and a link to all of it. */
export function Header({ link, pages }: HeaderProps) {
  return (
    <header class="shell-header">
      {pages && (
        <Segments
          label="Page"
          value={page.value}
          options={PAGES}
          onChange={(value) => {
            page.value = value;
          }}
        />
      )}
      {page.value === 'training' ? <RunChoice /> : <PairChoice />}
      <CopyLink link={link} />
    </header>
  );
}

function RunChoice() {
  const all = runs.value;
  const shown = shownRun.value;
  const Tools = trainingTools.value;
  const options = all.map(({ name }) => ({
    value: name,
    label: runTitle(name, latest(listing.value)),
  }));
  return (
    <div class="shell-header-run">
      {shown && (
        <Select
          label="Run"
          value={shown.name}
          options={options}
          onChange={(name) => {
            run.value = name;
          }}
        />
      )}
      {Tools && <Tools />}
    </div>
  );
}

/** a compared with b, by which measure. */
function PairChoice() {
  const carried = carriedShares.value === null ? [] : [CARRIED];
  const options = [...METRICS, ...carried].map((info) => ({
    value: info.key,
    label: info.label,
    title: info.description,
  }));
  return (
    <>
      <Picker side="a" />
      <span class="muted">compared with</span>
      <Picker side="b" />
      <Button
        variant="icon"
        label="Swap a and b"
        disabled={!snapshotA.value && !snapshotB.value}
        onClick={swapSides}
      >
        <Icon name="swap" />
      </Button>
      <div class="shell-header-metric">
        <Select
          label="Measure"
          value={shadeKey.value}
          options={options}
          title={metricInfo(shadeKey.value).description}
          onChange={chooseShade}
        />
      </div>
    </>
  );
}

/** What layers carry is a matter of the architecture alone: other views keep their measure. */
function chooseShade(key: ShadeKey): void {
  shade.value = key === 'carried' ? 'carried' : 'measure';
  if (key !== 'carried') metric.value = key;
}

function Picker({ side }: { readonly side: Side }) {
  return (
    <SnapshotPicker
      side={side}
      runs={runs.value}
      value={(side === 'a' ? snapshotA : snapshotB).value}
      runTitle={(name) => runTitle(name, latest(listing.value))}
      onChange={(id) => chooseSnapshot(side, id)}
    />
  );
}

function CopyLink({ link }: { readonly link: () => string }) {
  const button = useRef<HTMLSpanElement>(null);
  const [copied, setCopied] = useState(false);
  const [shown, setShown] = useState<{ anchor: HTMLElement; url: string } | null>(null);

  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), COPIED_MS);
    return () => clearTimeout(timer);
  }, [copied]);

  const copy = async (anchor: HTMLElement) => {
    const url = link();
    const done = await copyText(url);
    setCopied(done);
    if (done) announce('Link copied');
    else setShown({ anchor, url });
  };

  return (
    <span ref={button} class="copy-link">
      <Button
        title="A link to exactly this selection"
        onClick={(event) => void copy(event.currentTarget)}
      >
        <Icon name={copied ? 'check' : 'link'} />
        {copied ? 'Copied' : 'Copy link'}
      </Button>
      {shown && (
        <Popover anchor={shown.anchor} align="end" onClose={() => setShown(null)}>
          <LinkField url={shown.url} />
        </Popover>
      )}
    </span>
  );
}

/** Where the browser lets no page write to the clipboard. */
function LinkField({ url }: { readonly url: string }) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.select(), []);
  return (
    <label class="link-field">
      The browser does not allow copying here. Press Ctrl+C:
      <input ref={field} type="text" readOnly value={url} />
    </label>
  );
}
