import { BerthError } from '../../base/errors.ts';

/** Whether an attribute says yes, as Go reads it (`strconv.ParseBool`). */
export const isTrue = (value: string | undefined): boolean => /^(1|t|true)$/i.test(value ?? '');

/**
 * Refuses what a front end's attributes ask for and nothing here does.
 * @throws unsupported for attestations (clients ask for `inline-only` ones unasked), and for several platforms at once.
 */
export function checkSupported(attributes: Record<string, string>): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (!name.startsWith('attest:')) continue;
    const fields = value.split(',');
    if (fields.includes('disabled=true') || fields.includes('inline-only=true')) continue;
    throw new BerthError(
      'unsupported',
      `Attestation is not supported (${name}): build without --attest, --provenance and --sbom`,
    );
  }
  if ((attributes['platform'] ?? '').includes(','))
    throw new BerthError(
      'unsupported',
      `Multi-platform build is not supported (${attributes['platform']}): build for one platform at a time`,
    );
}
