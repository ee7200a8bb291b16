import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';

interface Props<T> {
  legend: string;
  hint?: ComponentChildren;
  error?: string | undefined;
  rows: readonly T[];
  onRows: (rows: T[]) => void;
  /** A row that has nothing yet. */
  blank: T;
  /** The word for one of them, as in `Add a port`. */
  word: string;
  /** The inputs of a row. `label` gives each its name, `wrong` marks those of a list that is refused. */
  children: (
    row: T,
    change: (parts: Partial<T>) => void,
    label: (name: string) => string,
  ) => ComponentChildren;
}

/** A list of which each entry has some inputs; entries are added and removed by buttons. */
export function Rows<T extends object>({
  legend,
  hint,
  error,
  rows,
  onRows,
  blank,
  word,
  children,
}: Props<T>) {
  const id = useId();
  const box = useRef<HTMLFieldSetElement>(null);
  const added = useRef(false);
  // Two changes may come before the page is drawn again: the second stands on the first.
  const latest = useRef(rows);
  latest.current = rows;
  const change = (made: (rows: readonly T[]) => T[]): void => {
    const next = made(latest.current);
    latest.current = next;
    onRows(next);
  };
  const add = (): void => {
    change((before) => [...before, { ...blank }]);
    added.current = true;
  };
  // The keyboard goes on in what was added, as soon as it is there: later it would leave what is being typed.
  useLayoutEffect(() => {
    if (!added.current) return;
    added.current = false;
    box.current?.querySelector<HTMLElement>('.row:last-of-type input')?.focus();
  }, [rows.length]);
  return (
    <fieldset
      ref={box}
      class="rows"
      aria-describedby={error ? `${id}-error` : undefined}
      data-invalid={error ? '' : undefined}
    >
      <legend>{legend}</legend>
      {hint && <small>{hint}</small>}
      {rows.map((row, place) => (
        <div key={place} class="row">
          {children(
            row,
            (parts) =>
              change((before) => before.map((one, index) => (index === place ? { ...one, ...parts } : one))),
            (name) => `${name} of ${word} ${place + 1}`,
          )}
          <button
            type="button"
            class="quiet"
            aria-label={`Remove ${word} ${place + 1}`}
            onClick={() => change((before) => before.filter((_one, index) => index !== place))}
          >
            ×
          </button>
        </div>
      ))}
      <button type="button" onClick={add}>
        Add a {word}
      </button>
      {error && (
        <span id={`${id}-error`} class="wrong" role="alert">
          {error}
        </span>
      )}
    </fieldset>
  );
}
