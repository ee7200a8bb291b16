import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface Props {
  label: string;
  value: string;
  onValue: (value: string) => void;
  hint?: string;
  /** Why the engine does not take it. */
  error?: string | undefined;
  placeholder?: string;
  /** Values that are offered. */
  offers?: readonly string[];
  /** Beside the input. */
  children?: ComponentChildren;
}

/** A line of text with its name, a hint, and what is wrong with it. */
export function Field({ label, value, onValue, hint, error, placeholder, offers, children }: Props) {
  const id = useId();
  const said = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ');
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <span class="beside">
        <input
          id={id}
          type="text"
          value={value}
          placeholder={placeholder}
          autocapitalize="off"
          autocomplete="off"
          spellcheck={false}
          list={offers && `${id}-offers`}
          aria-invalid={error ? true : undefined}
          aria-describedby={said || undefined}
          onInput={({ currentTarget }) => onValue(currentTarget.value)}
        />
        {children}
      </span>
      {offers && (
        <datalist id={`${id}-offers`}>
          {offers.map((offer) => (
            <option key={offer} value={offer} />
          ))}
        </datalist>
      )}
      {hint && <small id={`${id}-hint`}>{hint}</small>}
      {error && (
        <span id={`${id}-error`} class="wrong" role="alert">
          {error}
        </span>
      )}
    </div>
  );
}
