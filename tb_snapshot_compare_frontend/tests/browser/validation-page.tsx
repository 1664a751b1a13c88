/** Mounts the validation view over a made-up recording. */
import { batch } from '@preact/signals';
import { render } from 'preact';
import { vi } from 'vitest';
import { announcement } from '../../src/state/environment';
import * as state from '../../src/state/training';
import * as data from '../../src/state/training-data';
import { installTheme, setDark } from '../../src/theme/theme';
import * as model from '../../src/views/training-validation/model';
import { ValidationView } from '../../src/views/training-validation/ValidationView';
import {
  type Recording,
  type RecordingOptions,
  recordingOf,
} from '../harness-validation/recording';
import { showRecording } from '../harness-validation/show';

export const SMALL: RecordingOptions = {
  ...{ classes: 4, images: 12, passes: 12, interval: 500, runLength: 2, suggested: 3 },
  names: ['cat', 'dog', 'ship', 'truck'],
};

export interface ValidationPage {
  readonly root: HTMLElement;
  readonly recording: Recording;
  close(): void;
}

/** 1,280 pixels wide, as just opened. */
export function openValidation(options: RecordingOptions = SMALL): ValidationPage {
  resetValidation();
  const recording = recordingOf(options);
  const stop = showRecording(recording);
  const root = mount();
  const close = () => {
    stop();
    unmount(root);
  };
  return { root, recording, close };
}

/** The view alone, over what a test puts into the state. */
export function mount(): HTMLElement {
  installTheme();
  setDark(false);
  const root = document.createElement('div');
  root.style.cssText = 'width:1280px';
  document.body.append(root);
  render(<ValidationView />, root);
  return root;
}

export function unmount(root: HTMLElement): void {
  render(null, root);
  root.remove();
  resetValidation();
}

export function resetValidation(): void {
  batch(() => {
    state.page.value = 'training';
    state.training.value = { status: 'idle' };
    state.stepRange.value = null;
    state.setPins([]);
    state.pinMode.value = true;
    state.hoveredStep.value = null;
    state.hoveredClass.value = null;
    state.threshold.value = null;
    state.runLength.value = null;
    state.showTriangles.value = true;
    state.classOrder.value = 'mds';
    state.clustered.value = true;
    state.openClasses.value = [];
    state.openClusters.value = [];
    state.openImage.value = null;
    state.openImageClass.value = null;
    state.openImageStep.value = null;
    state.imageShade.value = 'outcome';
    state.validationOpen.value = true;
    data.trainingClasses.value = { status: 'idle' };
    data.classImages.value = new Map();
    data.imageHistory.value = { status: 'idle' };
    model.query.value = '';
    model.listAll.value = false;
    model.zooms.value = new Map();
    model.height.value = null;
    model.pointed.value = null;
    announcement.value = '';
  });
}

/** The first element that matches, once it is there. */
export function found<T extends Element = HTMLElement>(selector: string): Promise<T> {
  return vi.waitFor(() => {
    const element = document.querySelector<T>(selector);
    if (!element) throw new Error(`nothing matches ${selector}`);
    return element;
  });
}
