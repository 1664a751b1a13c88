import { useState } from 'preact/hooks';
import type { Comparison } from '../client/types';
import { Icon } from '../elements/Icon';
import { Popover } from '../elements/Popover';
import { formatCount, formatMeasure } from '../scales/format';
import { difference, metricInfo } from '../state/metrics';
import { comparison, latest, listing } from '../state/resources';
import { metric } from '../state/selection';
import { runs, snapshotsById } from '../state/snapshots';
import { page } from '../state/training';
import { CoverageDetails } from './CoverageDetails';

/** What the numbers on the page cover, and whether the page is up to date. */
export function StatusBar() {
  if (page.value === 'training') return <Live />;
  const resource = comparison.value;
  const loading = resource.status === 'loading';
  const compared = resource.status === 'failed' ? null : latest(resource);
  return (
    <footer class="status-bar tabular">
      {loading && <span>Comparing…</span>}
      {resource.status === 'failed' && <span>a and b could not be compared</span>}
      {compared && <ModelDifference compared={compared} busy={loading} />}
      {compared && <CoverageLine compared={compared} busy={loading} />}
      <span class="status-live">{liveText()}</span>
    </footer>
  );
}

function Live() {
  return (
    <footer class="status-bar tabular">
      <span class="status-live">{liveText()}</span>
    </footer>
  );
}

interface ComparedProps {
  readonly compared: Comparison;
  /** Whether it is the previous pair's, while the next one is compared. */
  readonly busy: boolean;
}

function ModelDifference({ compared, busy }: ComparedProps) {
  const { label, description } = metricInfo(metric.value);
  return (
    <span title={description} data-busy={busy ? '' : undefined}>
      Whole model: {label}{' '}
      <strong>{formatMeasure(metric.value, difference(compared.model, metric.value))}</strong>
    </span>
  );
}

function CoverageLine({ compared, busy }: ComparedProps) {
  const [anchor, setAnchor] = useState<HTMLElement | null>(null);
  const { coverage } = compared;
  const whole =
    coverage.tensors_compared === coverage.tensors_total &&
    coverage.elements_compared === coverage.elements_total;
  return (
    <>
      <button
        type="button"
        class="coverage"
        data-whole={whole ? '' : undefined}
        data-busy={busy ? '' : undefined}
        aria-expanded={anchor !== null}
        onClick={(event) => setAnchor(anchor ? null : event.currentTarget)}
      >
        <Icon name={whole ? 'check' : 'warning'} size={14} />
        {coverageText(compared)}
        <span class="coverage-more">Details</span>
      </button>
      {anchor && (
        <Popover anchor={anchor} onClose={() => setAnchor(null)}>
          <CoverageDetails compared={compared} />
        </Popover>
      )}
    </>
  );
}

/** `14 of 16 tensors, 3,747,200 of 3,950,000 weights compared` */
export function coverageText({ coverage }: Comparison): string {
  const { tensors_compared, tensors_total, elements_compared, elements_total } = coverage;
  return (
    `${formatCount(tensors_compared)} of ${formatCount(tensors_total)} tensors, ` +
    `${formatCount(elements_compared)} of ${formatCount(elements_total)} weights compared`
  );
}

function liveText(): string {
  const known = latest(listing.value);
  if (!known) return '';
  const count = snapshotsById.value.size;
  const found = `${formatCount(count)} snapshot${count === 1 ? '' : 's'} in ${
    runs.value.length === 1 ? '1 run' : `${formatCount(runs.value.length)} runs`
  }`;
  if (listing.value.status === 'failed') return `${found} · not up to date`;
  return known.scanning ? `${found} · scanning…` : found;
}
