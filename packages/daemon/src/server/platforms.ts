import { invalidParameter } from '../base/errors.ts';
import { jsonProblem, parseJson } from '../base/go-json.ts';

/**
 * The platform that a parameter names, as JSON (`{"os":"linux","architecture":"arm64"}`) or in short (`linux/arm64`).
 * @throws invalid-parameter for a malformed one.
 */
export function platformOf(given: string | undefined): { platform?: string } {
  if (!given) return {};
  return { platform: given.trimStart().startsWith('{') ? parsePlatformJson(given) : given };
}

/** `os/arch[/variant]` of a platform as JSON. @throws invalid-parameter with dockerd's texts. */
export function parsePlatformJson(text: string): string {
  let value: Partial<Record<'os' | 'architecture' | 'variant' | 'os.version', unknown>> | null;
  try {
    value = parseJson(text) as typeof value;
  } catch (error) {
    throw invalidParameter(`failed to parse platform: ${jsonProblem(text, error).message}`);
  }
  const { os = '', architecture = '', variant = '', 'os.version': version = '' } = value ?? {};
  for (const part of [os, architecture, variant, version])
    if (typeof part !== 'string')
      throw invalidParameter('failed to parse platform: json: cannot unmarshal into Go value of type string');
  if (!os && !architecture && (variant || version))
    throw invalidParameter('optional platform fields provided, but OS and Architecture are missing');
  if (!os || !architecture) throw invalidParameter('both OS and Architecture must be provided');
  return [os, architecture, ...(variant ? [variant] : [])].join('/');
}
