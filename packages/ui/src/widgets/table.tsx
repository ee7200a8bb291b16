import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

interface Props<T> {
  caption: string;
  columns: readonly string[];
  /** Columns of numbers, among those. */
  numbers?: readonly string[];
  /** One more column has buttons. */
  actions?: boolean;
  rows: readonly T[];
  /** The row of one. */
  children: (row: T) => ComponentChildren;
}

/** Rows that are drawn at first, and with each press of the button below them: what nobody sees costs the page its time. */
const STEP = 250;

/** A part of a long list, and the button that shows more of it; nothing where all is shown. */
export function useSome<T>(all: readonly T[], step = STEP): [some: readonly T[], more: ComponentChildren] {
  const [most, setMost] = useState(step);
  const left = all.length - most;
  if (left <= 0) return [all, null];
  return [
    all.slice(0, most),
    <p class="more">
      <button
        type="button"
        onClick={({ currentTarget }) => {
          const list = currentTarget.closest('.more')?.previousElementSibling;
          setMost(most + step);
          // With the last rows the button goes, and the focus would go to the top of the page.
          if (left <= step) requestAnimationFrame(() => focusRow(list, most));
        }}
      >
        Show {Math.min(step, left)} more
      </button>{' '}
      <small>
        {most} of {all.length} are shown
      </small>
    </p>,
  ];
}

/** Gives a row of a table the focus: its first link or button has it, or the row itself. */
function focusRow(list: Element | null | undefined, index: number): void {
  const row = list?.querySelectorAll<HTMLElement>('tbody tr')[index];
  const inside = row?.querySelector<HTMLElement>('a[href], button');
  if (row && !inside) row.tabIndex = -1;
  (inside ?? row)?.focus();
}

/** A table whose rows are cards where there is no room for columns; its caption is for those who hear the page. */
export function Table<T>({ caption, columns, numbers = [], actions = false, rows, children }: Props<T>) {
  const [some, more] = useSome(rows);
  return (
    <>
      <table class="cards">
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map((title) => (
              <th key={title} scope="col" class={numbers.includes(title) ? 'number' : undefined}>
                {title}
              </th>
            ))}
            {actions && (
              <th scope="col">
                <span class="unseen">Actions</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>{some.map(children)}</tbody>
      </table>
      {more}
    </>
  );
}
