import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** Asks for something when it is shown, and when `again` changes, and shows what comes of it, or why nothing did. */
export function Answer<T>({
  ask,
  again = '',
  children,
}: {
  ask: (signal: AbortSignal) => Promise<T>;
  again?: string;
  children: (value: T) => ComponentChildren;
}) {
  const [state, setState] = useState<{ value?: T; error?: string }>({});
  useEffect(() => {
    const gone = new AbortController();
    ask(gone.signal).then(
      (value) => !gone.signal.aborted && setState({ value }),
      (error: Error) => !gone.signal.aborted && setState({ error: error.message }),
    );
    return () => gone.abort();
  }, [again]);
  if (state.error !== undefined)
    return (
      <p class="wrong" role="alert">
        {state.error}
      </p>
    );
  if (state.value === undefined) return <p class="waiting">Asking the engine…</p>;
  return <>{children(state.value)}</>;
}
