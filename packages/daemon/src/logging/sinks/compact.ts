/**
 * A JSON text without the blanks between its tokens, and with what HTML treats specially escaped, as Go writes raw JSON;
 * numbers stay as they are written. Undefined when the text is no JSON.
 */
export function compactJson(text: string): string | undefined {
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  return text
    .replace(/("(?:[^"\\]|\\.)*")|[ \t\r\n]+/gs, (_, quoted: string | undefined) => quoted ?? '')
    .replace(
      /[<>&\u2028\u2029]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
}
