import { string } from '../base/flags.ts';

/** The formats of a list that have a name. */
export interface NamedFormats {
  readonly table: string;
  /** The table with `--quiet`. */
  readonly quiet: string;
  readonly raw?: string;
  readonly rawQuiet?: string;
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
