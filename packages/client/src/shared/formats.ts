import { bool, string } from '../base/flags.ts';

/** The formats of a list that have a name. */
export interface NamedFormats {
  readonly table: string;
  /** The table with `--quiet`. */
  readonly quiet: string;
  readonly raw?: string;
  readonly rawQuiet?: string;
}

/**
 * Formats by the columns of a list: those of the table, the one that `--quiet` shows, and for `raw` each line's name with its
 * column, of which `--quiet` shows the first.
 */
export function namedFormats(
  table: readonly string[],
  quiet: string,
  raw: Readonly<Record<string, string>>,
): NamedFormats {
  const value = (column: string) => `{{.${column}}}`;
  const lines = Object.entries(raw).map(([name, column]) => `${name}: ${value(column)}`);
  return {
    table: `table ${table.map(value).join('\\t')}`,
    quiet: value(quiet),
    raw: lines.map((line) => `${line}\n`).join(''),
    rawQuiet: lines[0]!,
  };
}

/** The format of a list: the flag's, else the configuration's, else the table. `--quiet` is for the named ones only. */
export function chooseFormat(
  named: NamedFormats,
  flag: string,
  quiet: boolean,
  configured: string | undefined = undefined,
): string {
  const format = flag || (!quiet && configured) || 'table';
  if (format === 'table') return quiet ? named.quiet : named.table;
  if (format === 'raw' && named.raw) return quiet ? (named.rawQuiet ?? named.quiet) : named.raw;
  return format;
}

/** Docker's `--disable-content-trust`, of images that are not signed here. */
export const contentTrustFlag = () =>
  bool('', 'Accepted for compatibility; signatures are not checked', { initial: true, hidden: true });

/** The `--format` of lists. */
export const listFormatFlag = () =>
  string('', 'Format of the output: "table", "table TEMPLATE", "json" or a Go template');

/** The `--format` of `inspect` commands. */
export const inspectFormatFlag = () => string('f', 'Format of the output: "json" or a Go template');

/** Labels as lists show them. */
export function joinLabels(labels: Readonly<Record<string, string>> | null | undefined): string {
  return Object.entries(labels ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
}
