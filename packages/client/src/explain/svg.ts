import type { Part } from './rows.ts';

/** Sizes in the picture's units, which are pixels where it is shown as it is. */
const COLUMN = 640;
const GAP = 20;
const LINE = 18;
const HEAD = 26;
const PAD = 12;
/** Characters that fit into a column. */
const WIDEST = 84;
/** Rows of one part that are drawn; the text has all of them. */
const MOST_ROWS = 40;

/**
 * Text for XML: what would be markup is escaped, and what XML 1.0 has no place for is shown as a replacement character.
 * All text of a picture goes through here: names, labels, commands and paths are whatever somebody made them.
 */
function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

interface Drawn {
  height: number;
  draw(x: number, y: number): string;
}

function lineOf(row: readonly string[], widths: readonly number[]): string {
  const text = row
    .map((cell, index) => (index < row.length - 1 ? cell.padEnd(widths[index] ?? 0) : cell))
    .join('  ');
  return text.length > WIDEST ? `${text.slice(0, WIDEST - 1)}…` : text;
}

function panel({ title, rows, bars = [] }: Part): Drawn {
  const shown = rows.slice(0, MOST_ROWS);
  const widths: number[] = [];
  for (const row of shown)
    row.slice(0, -1).forEach((cell, index) => {
      widths[index] = Math.min(30, Math.max(widths[index] ?? 0, cell.length));
    });
  const lines = shown.map((row) => lineOf(row, widths));
  if (rows.length > shown.length) lines.push(`… and ${rows.length - shown.length} more`);
  const height = HEAD + lines.length * LINE + PAD;
  return {
    height,
    draw(x, y) {
      let text = `<g transform="translate(${x} ${y})"><rect class="panel" width="${COLUMN}" height="${height}" rx="6"/>`;
      text += `<text class="head" x="${PAD}" y="18">${escapeXml(title.slice(0, WIDEST))}</text>`;
      lines.forEach((line, index) => {
        const top = HEAD + index * LINE;
        const bar = bars[index];
        if (bar !== undefined)
          text += `<rect class="bar" x="${PAD}" y="${top}" width="${Math.max(1, Math.round(bar * (COLUMN - 2 * PAD)))}" height="${LINE - 3}"/>`;
        text += `<text x="${PAD}" y="${top + 13}" xml:space="preserve">${escapeXml(line)}</text>`;
      });
      return `${text}</g>\n`;
    },
  };
}

/** A chain of boxes with arrows: the way of a packet. */
function chain(steps: readonly string[][]): Drawn {
  const width = (2 * COLUMN + GAP) / Math.max(1, steps.length);
  const tallest = Math.max(0, ...steps.map((lines) => lines.length));
  const height = HEAD + tallest * LINE + PAD;
  return {
    height,
    draw(x, y) {
      return steps
        .map((lines, index) => {
          const left = x + index * width;
          const box = width - 2 * GAP;
          const most = Math.max(4, Math.floor(box / 7.6) - 2);
          const texts = lines
            .map(
              (line, row) =>
                `<text class="${row === 0 ? 'head' : ''}" x="${left + PAD}" y="${y + 20 + row * LINE}">${escapeXml(line.length > most ? `${line.slice(0, most - 1)}…` : line)}</text>`,
            )
            .join('');
          const arrow =
            index < steps.length - 1
              ? `<path class="arrow" d="M${left + box} ${y + height / 2} h${2 * GAP - 6}" marker-end="url(#tip)"/>`
              : '';
          return `<rect class="step" x="${left}" y="${y}" width="${box}" height="${height}" rx="6"/>${texts}${arrow}\n`;
        })
        .join('');
    },
  };
}

const STYLE = `svg{background:#fff;color:#1b1f24}text{font:12px ui-monospace,Menlo,Consolas,monospace;fill:currentColor}
.title{font-size:16px;font-weight:600}.head{font-weight:600}.panel{fill:#f6f8fa;stroke:#d0d7de}.step{fill:#ddf4ff;stroke:#54aeff}
.bar{fill:#54aeff;fill-opacity:.35}.arrow{stroke:#57606a;fill:none}
@media (prefers-color-scheme:dark){svg{background:#0d1117;color:#e6edf3}.panel{fill:#161b22;stroke:#30363d}.step{fill:#0c2d6b;stroke:#388bfd}}`;

/** A picture of an explanation: the way of packets on top, the parts in two columns below. */
export function drawSvg(
  title: string,
  parts: readonly Part[],
  way: ReadonlyArray<readonly string[][]> = [],
): string {
  let y = 50;
  let body = '';
  for (const steps of way) {
    const drawn = chain(steps);
    body += drawn.draw(GAP, y);
    y += drawn.height + GAP;
  }
  const bottoms = [y, y];
  for (const part of parts) {
    if (part.rows.length === 0) continue;
    const column = bottoms[0]! <= bottoms[1]! ? 0 : 1;
    const drawn = panel(part);
    body += drawn.draw(GAP + column * (COLUMN + GAP), bottoms[column]!);
    bottoms[column]! += drawn.height + GAP;
  }
  const width = 2 * COLUMN + 3 * GAP;
  const height = Math.max(...bottoms);
  return `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>${escapeXml(title)}</title>
<style>${STYLE}</style>
<defs><marker id="tip" viewBox="0 0 6 6" refX="5" refY="3" markerWidth="6" markerHeight="6" orient="auto"><path d="M0 0 6 3 0 6z"/></marker></defs>
<text class="title" x="${GAP}" y="32">${escapeXml(title)}</text>
${body}</svg>
`;
}
