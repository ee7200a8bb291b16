interface Props {
  /** For those who hear the page. */
  label: string;
  placeholder: string;
  value: string;
  onValue: (value: string) => void;
}

/** An input for what a list is searched for. */
export const Find = ({ label, placeholder, value, onValue }: Props) => (
  <label class="find">
    <span class="unseen">{label}</span>
    <input
      type="search"
      placeholder={placeholder}
      value={value}
      onInput={({ currentTarget }) => onValue(currentTarget.value)}
    />
  </label>
);
