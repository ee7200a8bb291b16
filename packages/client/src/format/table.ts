/**
 * Aligns cells that tabs end, as Go's text/tabwriter with blanks for padding: the width of a column is that of its
 * widest cell in consecutive lines; the last cell of a line is part of no column.
 */
export function alignColumns(text: string, minimum: number, padding: number): string {
  const lines = text.split('\n').map((line) => line.split('\t'));
  const widths: number[] = [];
  const output: string[] = lines.map(() => '');

  const format = (from: number, to: number): void => {
    const column = widths.length;
    for (let line = from; line < to; line++) {
      if (column >= lines[line]!.length - 1) continue;
      // The block of lines that have this column.
      write(from, line);
      from = line;
      let width = minimum;
      let empty = true;
      let end = line;
      for (; end < to && column < lines[end]!.length - 1; end++) {
        const cell = displayWidth(lines[end]![column]!);
        width = Math.max(width, cell + padding);
        if (cell > 0) empty = false;
      }
      // A column without any text is no column.
      widths.push(empty && minimum === 0 ? 0 : width);
      format(line, end);
      widths.pop();
      from = end;
      line = end - 1;
    }
    write(from, to);
  };
  const written = new Set<number>();
  const write = (from: number, to: number): void => {
    for (let line = from; line < to; line++) {
      if (written.has(line)) continue;
      written.add(line);
      const cells = lines[line]!;
      output[line] = cells
        .map((cell, column) =>
          column < widths.length && column < cells.length - 1
            ? cell + ' '.repeat(Math.max(0, widths[column]! - displayWidth(cell)))
            : cell,
        )
        .join('');
    }
  };
  format(0, lines.length);
  return output.join('\n');
}

/** Columns a text takes on a terminal: wide characters of East Asia take two. */
export function displayWidth(text: string): number {
  // Plain ASCII needs no look at each character.
  if (/^[\x00-\x7f]*$/.test(text)) return text.length;
  let width = 0;
  for (const char of text) width += wide.test(char) ? 2 : 1;
  return width;
}

const wide =
  /[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]/;

/** Cuts a text to a width and marks the cut. */
export function ellipsis(text: string, width: number): string {
  if (width <= 0) return '';
  const chars = [...text];
  if (width === 1) return chars[0] ?? '';
  if (displayWidth(text) <= width) return text;
  let used = 0;
  let kept = '';
  for (const char of chars) {
    used += displayWidth(char);
    if (used > width - 1) break;
    kept += char;
  }
  return `${kept}…`;
}
