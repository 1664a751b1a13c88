/** Pictures of one's own: a button, and files dropped anywhere on the view. */
import type { ComponentChildren, JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { Button } from '../../elements/Button';
import { Icon } from '../../elements/Icon';
import { upload, uploading } from '../../state/probing';

export function UploadButton({ primary = false }: { readonly primary?: boolean }): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const { left } = uploading.value;
  return (
    <>
      <Button
        variant={primary ? 'primary' : 'normal'}
        title="PNG or JPEG; they stay on this server"
        disabled={left > 0}
        onClick={() => input.current?.click()}
      >
        {left > 0 ? `Uploading ${left}…` : 'Upload'}
      </Button>
      <input
        ref={input}
        class="visually-hidden"
        type="file"
        accept="image/png,image/jpeg"
        multiple
        tabIndex={-1}
        aria-label="Pictures to upload"
        onChange={(event) => {
          give(event.currentTarget.files);
          event.currentTarget.value = '';
        }}
      />
    </>
  );
}

/** What could not be uploaded, until it is put away. */
export function UploadProblems(): JSX.Element | null {
  const { problems } = uploading.value;
  if (problems.length === 0) return null;
  return (
    <div class="perf-problems" role="alert">
      <Icon name="warning" />
      <ul>
        {problems.map((problem) => (
          <li key={problem}>{problem}</li>
        ))}
      </ul>
      <Button
        variant="icon"
        label="Dismiss"
        onClick={() => {
          uploading.value = { ...uploading.value, problems: [] };
        }}
      >
        <Icon name="close" />
      </Button>
    </div>
  );
}

export function DropZone({ children }: { readonly children: ComponentChildren }): JSX.Element {
  const [over, setOver] = useState(false);
  const hasFiles = (event: DragEvent): boolean => !!event.dataTransfer?.types.includes('Files');
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the button does the same by keyboard
    <div
      class="perf"
      data-over={over ? '' : undefined}
      onDragOver={(event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false);
      }}
      onDrop={(event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setOver(false);
        give(event.dataTransfer?.files ?? null);
      }}
    >
      {children}
      {over && <div class="perf-drop">Drop PNG or JPEG pictures to add them</div>}
    </div>
  );
}

function give(files: FileList | null): void {
  if (files && files.length > 0) upload.value?.([...files]);
}
