import type { ComponentChildren } from 'preact';

interface Props {
  caption: string;
  columns: readonly string[];
  /** Columns of numbers, among those. */
  numbers?: readonly string[];
  /** One more column has buttons. */
  actions?: boolean;
  children: ComponentChildren;
}

/** A table whose rows are cards where there is no room for columns; its caption is for those who hear the page. */
export const Table = ({ caption, columns, numbers = [], actions = false, children }: Props) => (
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
    <tbody>{children}</tbody>
  </table>
);
