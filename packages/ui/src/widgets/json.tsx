import { clipped, visible } from '../base/text.ts';
import { SCROLLS } from './scrolls.ts';

/** Characters of one text, and of all: a browser lays out no megabyte in a moment. */
const MOST_OF_ONE = 20_000;
const MOST = 400_000;

const text = (value: unknown): string =>
  clipped(
    JSON.stringify(value, (_name, one) => (typeof one === 'string' ? clipped(one, MOST_OF_ONE) : one), 2) ??
      '',
    MOST,
  );

/** A value as JSON, for those who want all of it. */
export const Json = ({ value }: { value: unknown }) => (
  <section class="json" {...SCROLLS} aria-label="JSON">
    <pre>{visible(text(value))}</pre>
  </section>
);
