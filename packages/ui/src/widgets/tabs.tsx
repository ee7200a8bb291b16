import { link } from './route.ts';

interface Props {
  label: string;
  /** The address of the thing. */
  base: readonly string[];
  tabs: ReadonlyArray<readonly [name: string, title: string]>;
  current: string;
}

/** The views of one thing, each at its own address. */
export const Tabs = ({ label, base, tabs, current }: Props) => (
  <nav class="tabs" aria-label={label}>
    {tabs.map(([name, title]) => (
      <a
        key={name}
        href={link(...base, ...(name ? [name] : []))}
        aria-current={current === name ? 'page' : undefined}
      >
        {title}
      </a>
    ))}
  </nav>
);
