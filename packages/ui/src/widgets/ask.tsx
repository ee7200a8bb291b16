import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Dialog } from './dialog.tsx';
import { wrong } from './notices.tsx';

interface Props {
  title: string;
  /** The word on the button that does it. */
  verb: string;
  danger?: boolean;
  /** Does it; the dialog closes when it went well, and else says why it did not. */
  work: () => Promise<unknown>;
  onClose: () => void;
  /** Goes on after it went well; not for a user who has closed the dialog meanwhile, or is elsewhere. */
  onDone?: (() => void) | undefined;
  children: ComponentChildren;
}

/** A dialog that asks before something is done. What fails after it was closed is told as a notice. */
export function Ask({ title, verb, danger = false, work, onClose, onDone, children }: Props) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  const shown = useRef(true);
  /** The user has closed it: the place where it was may hold another one. */
  const closed = useRef(false);
  useLayoutEffect(
    () => () => {
      shown.current = false;
    },
    [],
  );
  const close = (): void => {
    closed.current = true;
    onClose();
  };
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    const place = location.hash;
    try {
      await work();
    } catch (reason) {
      if (!shown.current) return wrong(reason);
      setError(reason instanceof Error ? reason.message : String(reason));
      setBusy(false);
      return;
    }
    if (closed.current) return;
    onClose();
    // An event may have taken what it was about out of the page, and this dialog with it, before the answer came.
    if (location.hash === place) onDone?.();
  };
  return (
    <Dialog title={title} onClose={close}>
      <form onSubmit={(event) => void submit(event)}>
        {children}
        {error && (
          <p class="wrong" role="alert">
            {error}
          </p>
        )}
        <footer>
          <button type="button" onClick={close}>
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
