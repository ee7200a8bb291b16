/** JSON text with each member on a line of its own, four blanks deep, values exactly as they were. */
export function indentJson(text: string, step = '    '): string {
  let output = '';
  let depth = 0;
  const newline = (): string => `\n${step.repeat(depth)}`;
  for (const token of tokens(text)) {
    if (token === '{' || token === '[') {
      depth++;
      output += token + newline();
    } else if (token === '}' || token === ']') {
      depth--;
      // An empty one stays on its line.
      const opened = new RegExp(`[{[]\\n${step.repeat(depth + 1)}$`);
      output = opened.test(output.slice(-(step.length * (depth + 1) + 2)))
        ? output.slice(0, -(step.length * (depth + 1) + 1)) + token
        : output + newline() + token;
    } else if (token === ',') output += `,${newline()}`;
    else if (token === ':') output += ': ';
    else output += token;
  }
  return output;
}

/** JSON text without blanks between its parts. */
export function compactJson(text: string): string {
  let output = '';
  for (const token of tokens(text)) output += token;
  return output;
}

function* tokens(text: string): Generator<string> {
  const pattern = /[{}[\],:]|"(?:\\.|[^"\\])*"|[^\s{}[\],:"]+/g;
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) yield match[0];
}
