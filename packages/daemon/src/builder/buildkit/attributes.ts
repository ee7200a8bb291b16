import { BerthError } from '../../base/errors.ts';

/** Whether an attribute says yes, as Go reads it (`strconv.ParseBool`). */
export const isTrue = (value: string | undefined): boolean => /^(1|t|true)$/i.test(value ?? '');

/** The settings of `name=value,...`; a name alone means `true`. */
function settingsOf(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .split(',')
      .filter(Boolean)
      .map((field) => {
        const equals = field.indexOf('=');
        return equals < 0 ? [field, 'true'] : [field.slice(0, equals), field.slice(equals + 1)];
      }),
  );
}

const ATTESTATIONS = ['provenance', 'sbom'];

/**
 * The attestations that are asked for (`attest:provenance`), by kind. Those that are `inline-only`, for which clients ask
 * unasked, are made by engines whose images are always indexes: here they are not.
 * @throws unsupported for a kind that is not known.
 */
export function attestationsOf(attributes: Record<string, string>): Map<string, Record<string, string>> {
  const found = new Map<string, Record<string, string>>();
  for (const [name, value] of Object.entries(attributes)) {
    if (!name.startsWith('attest:')) continue;
    const kind = name.slice('attest:'.length);
    const settings = settingsOf(value);
    if (isTrue(settings['disabled']) || isTrue(settings['inline-only'])) continue;
    if (!ATTESTATIONS.includes(kind))
      throw new BerthError('unsupported', `unsupported attestation type ${JSON.stringify(kind)}`);
    found.set(kind, settings);
  }
  return found;
}
