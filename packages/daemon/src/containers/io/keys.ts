import { invalidParameter } from '../../base/errors.ts';

/** The detach keys when the client names none. */
const DEFAULT_KEYS = Buffer.from([16, 17]); // ctrl-p,ctrl-q

/**
 * The bytes of keys written as `ctrl-p,ctrl-q,a,DEL` (`ToBytes` of github.com/moby/term); the default for none. A key is one
 * byte: a letter beyond ASCII is none.
 * @throws invalid-parameter with the text that `what` (detach, escape) asks for.
 */
export function parseDetachKeys(text: string | undefined, what: 'detach' | 'escape'): Buffer {
  if (!text) return DEFAULT_KEYS;
  const bytes = text.split(',').map((key) => {
    if (key === 'DEL') return 127;
    if (Buffer.byteLength(key) === 1) return key.charCodeAt(0);
    const control = /^ctrl-([a-z@[\\\]^_])$/.exec(key);
    if (!control)
      throw invalidParameter(
        what === 'detach'
          ? `Invalid detach keys (${text}) provided`
          : `Invalid escape keys (${text}) provided`,
      );
    return control[1]!.toUpperCase().charCodeAt(0) - 64;
  });
  return Buffer.from(bytes);
}
