/**
 * The colours of accuracy: orange below 50 %, blue above it, with a small step between the two, so
 * that every strip tells on which side it is. They differ in hue for normal and for
 * colour-deficient vision, and grow darker (lighter, where the page is dark) towards both ends.
 */
import type { Theme } from './color';
import { ramp } from './oklab';

const ANCHORS = {
  light: {
    wrong: ['#7f2704', '#d9681d', '#f9c28f', '#fdebd9'],
    correct: ['#e3f0f8', '#a6cee3', '#2f7fbc', '#08306b'],
  },
  dark: {
    wrong: ['#ffd9a8', '#ef8a3c', '#8f4a1c', '#57402f'],
    correct: ['#344b5d', '#2a5f8f', '#5aa9e6', '#b3dcff'],
  },
} as const;

/** Each half is without the other's colours. */
const HALF = 128;

/** 256 colours from accuracy 0 to 1. */
export function accuracyColors(theme: Theme): readonly string[] {
  const { wrong, correct } = ANCHORS[theme];
  return [...ramp(wrong, HALF), ...ramp(correct, HALF)];
}
