import type { ComponentChildren } from 'preact';

interface Props {
  checked: boolean;
  onChecked: (checked: boolean) => void;
  children: ComponentChildren;
}

/** A box to tick, with what it means. */
export const Check = ({ checked, onChecked, children }: Props) => (
  <label class="check">
    <input
      type="checkbox"
      checked={checked}
      onChange={({ currentTarget }) => onChecked(currentTarget.checked)}
    />
    {children}
  </label>
);
