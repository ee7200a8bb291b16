import type { FlagTable } from '../base/flags.ts';
import type { AnyCommand } from './command.ts';

/** Breaks `text` so that it fits `width` columns when each further line is indented by `indent`. */
function wrap(text: string, indent: number, width: number): string {
  const pad = `\n${' '.repeat(indent)}`;
  const room = width - indent;
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line && line.length + 1 + word.length > room) {
        lines.push(line);
        line = word;
      } else line = line ? `${line} ${word}` : word;
    }
    lines.push(line);
  }
  return lines.join(pad);
}

/** The table of a command's options. */
export function optionsHelp(flags: FlagTable, width: number): string {
  const rows = Object.entries(flags)
    .filter(([, flag]) => !flag.hidden)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, flag]) => {
      const short = flag.short ? `-${flag.short}, ` : '    ';
      const shown = flag.shown ? ` (default ${flag.shown})` : '';
      return [`  ${short}--${name}${flag.type ? ` ${flag.type}` : ''}`, flag.help + shown] as const;
    });
  const indent = Math.max(...rows.map(([left]) => left.length)) + 3;
  const wide = width - indent >= 24;
  return rows
    .map(([left, right]) =>
      wide
        ? left.padEnd(indent) + wrap(right, indent, width)
        : `${left}\n${' '.repeat(16)}${wrap(right, 16, Math.max(width, 60))}`,
    )
    .join('\n');
}

/** The first line of a command's usage: `Usage:  berth ps [OPTIONS]`. */
export function usageLine(path: string, spec: AnyCommand): string {
  return `Usage:  ${spec.use
    .split('\n')
    .map((line) => `${path} ${line}`.trimEnd())
    .join('\n\t')}`;
}

/** A command's whole help. */
export function commandHelp(path: string, spec: AnyCommand, width: number): string {
  const parts = ['', usageLine(path, spec), '', spec.about];
  if (spec.more) parts.push('', spec.more);
  if (spec.aliases?.length) parts.push('', 'Aliases:', `  ${spec.aliases.join(', ')}`);
  if (Object.values(spec.flags as FlagTable).some((flag) => !flag.hidden))
    parts.push('', 'Options:', optionsHelp(spec.flags, width));
  return `${parts.join('\n')}\n`;
}

/** Rows of `name  what it does`, aligned. */
export function commandRows(rows: readonly (readonly [string, string])[], width = 11): string {
  return rows.map(([name, about]) => `  ${name.padEnd(width)} ${about}`).join('\n');
}
