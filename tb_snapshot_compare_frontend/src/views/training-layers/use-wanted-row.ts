import { useSignalEffect } from '@preact/signals';
import type { RefObject } from 'preact';
import { wantedSection } from '../../state/findings';
import { hoveredUnit } from '../../state/training';
import { rows, rowsOfUnit } from './model';
import type { UnitRow } from './rows';

/** Rows further down are not in sight when the section is. */
const FAR = 320;

/** Brings the unit that a finding is about into sight, after the page has brought the section. */
export function useWantedRow(stage: RefObject<HTMLElement | null>): void {
  useSignalEffect(() => {
    if (wantedSection.value?.section !== 'layers') return;
    const path = hoveredUnit.peek();
    if (path !== null)
      requestAnimationFrame(() => requestAnimationFrame(() => reveal(stage, path)));
  });
}

function reveal(stage: RefObject<HTMLElement | null>, path: string): void {
  const first = rowsOfUnit(path)[0];
  const row = rows.peek().find(({ unit }) => unit.path === first);
  if (row && row.top >= FAR && stage.current) scrollTo(stage.current, row, 'center');
}

/** Scrolls no further than needed to the row of a unit, once it is drawn. */
export function showRow(stage: HTMLElement, path: string): void {
  requestAnimationFrame(() => {
    const row = rows.peek().find(({ unit }) => unit.path === path);
    if (row && stage.isConnected) scrollTo(stage, row, 'nearest');
  });
}

function scrollTo(stage: HTMLElement, { top }: UnitRow, block: 'center' | 'nearest'): void {
  const mark = document.createElement('i');
  mark.className = 'layers-row-mark';
  mark.style.top = `${top}px`;
  stage.append(mark);
  mark.scrollIntoView({ block });
  mark.remove();
}
