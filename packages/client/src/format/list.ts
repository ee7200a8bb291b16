import { GoTemplate } from '@berth/templates/exec.ts';
import { headerFunctions } from '@berth/templates/functions.ts';
import type { GoObject } from '@berth/templates/value.ts';
import { CliError, messageOf } from '../base/errors.ts';
import { alignColumns } from './table.ts';

/** The columns of a list: each a method of a row, with the header it has in a table. */
export interface Columns<T> {
  /** Go's name of the row's type, for messages. */
  readonly goType: string;
  readonly columns: Readonly<Record<string, Column<T>>>;
  /** JSON has them in this order, not by their names. */
  readonly asDeclared?: boolean;
  /** Methods that take arguments, such as `Label`. They are no part of JSON. */
  readonly methods?: Readonly<Record<string, (row: T, argument: string) => unknown>>;
}

export interface Column<T> {
  readonly header: string;
  value(row: T): unknown;
}

/** A row of a list as templates see it. */
export function goRow<T>(layout: Columns<T>, row: T): GoObject {
  return {
    goType: layout.goType,
    names: () => (layout.asDeclared ? Object.keys(layout.columns) : Object.keys(layout.columns).sort()),
    method(name) {
      if (Object.hasOwn(layout.columns, name)) return () => layout.columns[name]!.value(row);
      const method = layout.methods && Object.hasOwn(layout.methods, name) ? layout.methods[name] : undefined;
      return method && ((argument: unknown) => method(row, String(argument)));
    },
  };
}

/** The names of the columns, in the place of a row. */
function headerRow<T>(layout: Columns<T>): GoObject {
  return {
    goType: 'formatter.SubHeaderContext',
    names: () => Object.keys(layout.columns),
    method(name) {
      if (Object.hasOwn(layout.columns, name)) return () => layout.columns[name]!.header;
      if (layout.methods && Object.hasOwn(layout.methods, name))
        return (argument: unknown) => String(argument).split('.').at(-1)!.replace(/[-_]/g, ' ');
      return () => undefined;
    },
  };
}

/**
 * Writes a list in a format of Docker's client: `table ...`, `json`, or a template for each row. Throws CliError when
 * the format is wrong.
 */
export function formatList<T>(layout: Columns<T>, rows: readonly T[], format: string): string {
  const isTable = format.startsWith('table');
  let source = isTable ? format.slice(5) : format === 'json' ? '{{json .}}' : format;
  source = source
    .replace(/^ +| +$/g, '')
    .replaceAll('\\t', '\t')
    .replaceAll('\\n', '\n');
  try {
    const template = new GoTemplate(source);
    const lines = rows.map((row) => `${template.execute(goRow(layout, row))}\n`).join('');
    if (!isTable) return lines;
    const header = template.execute(headerRow(layout), 'default', headerFunctions);
    return alignColumns(`${header}\n${lines}`, 10, 3);
  } catch (error) {
    throw new CliError(`template parsing error: ${messageOf(error)}`);
  }
}

/** The first twelve digits of an id. */
export const shortId = (id: string): string => id.replace(/^[^:]*:/, '').slice(0, 12);
