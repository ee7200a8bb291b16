/** All control characters but the ones that text is laid out with. */
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/**
 * Text that a terminal shows and does not obey: names of files and labels, and errors that repeat them, are whatever an
 * image or a container made them.
 */
export function visible(text: string): string {
  return text.replaceAll(CONTROL, (character) => {
    const code = character.charCodeAt(0);
    return code === 0x0d ? '\\r' : `\\x${code.toString(16).padStart(2, '0')}`;
  });
}
