import { useId } from 'preact/hooks';

interface Props {
  label: string;
  value: string;
  onValue: (value: string) => void;
  error?: string | undefined;
  offers: ReadonlyArray<readonly [value: string, title: string]>;
}

/** A choice with its name, and what is wrong with it. */
export function Choice({ label, value, onValue, error, offers }: Props) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        aria-invalid={error ? true : undefined}
        aria-describedby={error ? `${id}-error` : undefined}
        onChange={({ currentTarget }) => onValue(currentTarget.value)}
      >
        {offers.map(([offer, title]) => (
          <option key={offer} value={offer}>
            {title}
          </option>
        ))}
      </select>
      {error && (
        <span id={`${id}-error`} class="wrong" role="alert">
          {error}
        </span>
      )}
    </div>
  );
}
