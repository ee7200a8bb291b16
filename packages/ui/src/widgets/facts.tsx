import type { ComponentChildren } from 'preact';

/** Names with what they are; what is empty is left out. */
export const Facts = ({
  rows,
}: {
  rows: ReadonlyArray<readonly [name: string, value: ComponentChildren]>;
}) => (
  <dl class="facts">
    {rows
      .filter(([, value]) => value !== '' && !(Array.isArray(value) && value.length === 0))
      .map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
  </dl>
);
