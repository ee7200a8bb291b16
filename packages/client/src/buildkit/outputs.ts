import { createWriteStream, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { CliError } from '../base/errors.ts';
import { csvFields, cut } from '../parse/csv.ts';

/** One exporter of a build, and where on this machine its files go. */
export interface BuildOutput {
  type: string;
  attributes: Record<string, string>;
  /** A folder (`local`). */
  folder?: string;
  /** A folder that an archive type goes into as an OCI layout (`tar=false`). */
  layout?: string;
  /** A file, or `-` for standard output (`tar`, `oci`, `docker`). */
  file?: string;
  /** Upload the image once it is built. */
  push: boolean;
}

const archives = ['tar', 'oci', 'docker'];

/**
 * Reads a `--output`: `type=local,dest=folder`, or a path alone (a folder; `-` for a tar on standard output).
 * @throws CliError for one without a type, or with a destination its type has no use for.
 */
export function parseOutput(text: string): BuildOutput {
  const fields = fieldsOf(text, 'output');
  if (fields.length === 1 && !fields[0]!.includes('='))
    return text === '-'
      ? { type: 'tar', attributes: {}, file: '-', push: false }
      : { type: 'local', attributes: {}, folder: resolve(text), push: false };
  const attributes = pairs(fields, 'output', text);
  const { type, dest, ...rest } = attributes;
  if (!type) throw new CliError(`type is required for output: ${JSON.stringify(text)}`);
  if (type === 'registry') return { type: 'image', attributes: { ...rest }, push: true };
  const output: BuildOutput = { type, attributes: rest, push: rest['push'] === 'true' };
  delete output.attributes['push'];
  if (type === 'local') {
    if (!dest) throw new CliError('dest is required for a local output: add dest=FOLDER');
    output.folder = resolve(dest);
  } else if (archives.includes(type)) {
    // `type=docker` without a destination is the daemon's own store.
    if (/^(0|f|false)$/i.test(rest['tar'] ?? '')) {
      if (!dest) throw new CliError(`dest is required for ${type} with tar=false: add dest=FOLDER`);
      output.layout = resolve(dest);
    } else if (dest === undefined && type !== 'docker') output.file = '-';
    else if (dest !== undefined) output.file = dest === '-' ? '-' : resolve(dest);
    if (output.file !== undefined && output.file !== '-' && isFolder(output.file))
      throw new CliError(`destination directory ${output.file} is a folder: ${type} writes one file`);
  } else if (dest !== undefined) throw new CliError(`an output of type ${type} has no dest`);
  return output;
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** The fields of a value like `type=x,y=z`. @throws CliError where it is none. */
function fieldsOf(text: string, what: string): string[] {
  try {
    return csvFields(text);
  } catch (error) {
    throw new CliError(`invalid ${what} ${JSON.stringify(text)}: ${(error as Error).message}`);
  }
}

function pairs(fields: readonly string[], what: string, text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const field of fields) {
    const [name, value] = cut(field, '=');
    if (value === undefined)
      throw new CliError(`invalid value ${JSON.stringify(field)} in ${what} ${JSON.stringify(text)}`);
    found[name.trim().toLowerCase()] = value;
  }
  return found;
}

/** A value like `type=x,y=z` as a table. @throws CliError where it is none. */
export const attributesOf = (text: string, what: string): Record<string, string> =>
  pairs(fieldsOf(text, what), what, text);

/** Whether a value is written as `name=value,...` rather than as a single word. */
export const isAttributes = (text: string): boolean => text.includes('=');

/** A `--cache-from` or `--cache-to`: a name alone is an image in a registry. @throws CliError without a type. */
export function parseCache(text: string, what: string): { Type: string; Attrs: Record<string, string> } {
  if (!isAttributes(text)) return { Type: 'registry', Attrs: { ref: text } };
  const { type, ...attributes } = attributesOf(text, what);
  if (!type)
    throw new CliError(`type is required: ${JSON.stringify(text)}: add type=registry or type=inline`);
  return { Type: type, Attrs: attributes };
}

/** Takes the bytes that a builder sends as one file (`tar`, `oci`, `docker`) and writes them where an output says. */
export async function receiveFile(
  chunks: AsyncIterable<Buffer>,
  file: string,
  stdout: (bytes: Buffer) => Promise<void>,
): Promise<void> {
  if (file === '-') {
    for await (const chunk of chunks) await stdout(chunk);
    return;
  }
  const { pipeline } = await import('node:stream/promises');
  await pipeline(chunks, createWriteStream(file));
}
