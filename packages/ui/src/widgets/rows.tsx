import type { ComponentChildren } from 'preact';
import { useId, useRef } from 'preact/hooks';

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
  const add = (): void => {
    onRows([...rows, { ...blank }]);
    // The keyboard goes on in what was added, when it is there.
    requestAnimationFrame(() => {
      const last = box.current?.querySelector<HTMLElement>('.row:last-of-type input');
      last?.focus();
    });
  };
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
            (parts) => onRows(rows.map((one, index) => (index === place ? { ...one, ...parts } : one))),
            (name) => `${name} of ${word} ${place + 1}`,
          )}
          <button
            type="button"
            class="quiet"
            aria-label={`Remove ${word} ${place + 1}`}
            onClick={() => onRows(rows.filter((_one, index) => index !== place))}
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
