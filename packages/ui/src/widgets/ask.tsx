import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { Dialog } from './dialog.tsx';

interface Props {
  title: string;
  /** The word on the button that does it. */
  verb: string;
  danger?: boolean;
  /** Does it; the dialog closes when it went well, and else says why it did not. */
  work: () => Promise<unknown>;
  onClose: () => void;
  children: ComponentChildren;
}

/** A dialog that asks before something is done. */
export function Ask({ title, verb, danger = false, work, onClose, children }: Props) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    try {
      await work();
      onClose();
    } catch (reason) {
      setError(reason instanceof Error ? reason.message : String(reason));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        {children}
        {error && (
          <p class="wrong" role="alert">
            {error}
          </p>
        )}
        <footer>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class={danger ? 'danger' : 'main'} disabled={busy}>
            {busy ? `${verb}…` : verb}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
