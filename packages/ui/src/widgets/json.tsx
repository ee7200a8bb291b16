import { visible } from '../base/text.ts';
import { SCROLLS } from './scrolls.ts';

/** A value as JSON, for those who want all of it. */
export const Json = ({ value }: { value: unknown }) => (
  <section class="json" {...SCROLLS} aria-label="JSON">
    <pre>{visible(JSON.stringify(value, null, 2) ?? '')}</pre>
  </section>
);
