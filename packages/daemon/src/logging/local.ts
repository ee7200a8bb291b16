import type { LogOptions } from '@berth/native';
import { parseBool, parseDecimalSize, parseInteger, parseSize } from '../base/sizes.ts';
import { chosenAttributes, initFailed, type LogSubject } from './attributes.ts';
import { expandTag } from './tags.ts';

const LOCAL_DEFAULTS = { 'max-size': '20m', 'max-file': '5', compress: 'true' };

type Options = Record<string, string>;

/**
 * The supervisor's options for a log file. dockerd finds these values wrong when it starts the container, not when it
 * creates it. `prefix` stands before the options' names: `cache-` for the local copy of a log that is sent elsewhere.
 * @throws system with dockerd's text.
 */
export function fileOptions(
  driver: 'json-file' | 'local',
  config: Options,
  path: string,
  prefix = '',
): LogOptions {
  const local = driver === 'local';
  const options: Options = local ? { ...LOCAL_DEFAULTS } : {};
  for (const name of Object.keys(LOCAL_DEFAULTS)) {
    const given = config[`${prefix}${name}`];
    if (given !== undefined) options[name] = given;
  }
  const maxSize = sizeOf(options['max-size'], local);
  const maxFile = countOf(options['max-file'], local);
  // The copy's default gives way to the number of its files.
  if (prefix !== '' && maxFile < 2) options['compress'] = config[`${prefix}compress`] ?? 'false';
  const compress = compressed(options['compress'], local);
  if (compress && local && maxFile < 2)
    throw initFailed('compression cannot be enabled when max file count is 1');
  if (compress && !local && (maxFile < 2 || maxSize === 0))
    throw initFailed('compress cannot be true when max-file is less than 2 or max-size is not set');
  return { driver, path, maxSize, maxFile: Math.max(maxFile, 1), compress: compress && maxFile > 1 };
}

function sizeOf(text: string | undefined, local: boolean): number {
  if (text === undefined) return 0;
  const bytes = local ? parseSize(text) : parseDecimalSize(text);
  // No limit: the local driver says so by a zero, json-file by no option.
  if (bytes !== undefined && (bytes > 0 || (local && bytes === 0))) return bytes;
  const why = bytes === undefined ? `invalid size: '${text}'` : 'max-size must be a positive number';
  throw initFailed(`${local ? `invalid value for max-size: ${text}: ` : ''}${why}`);
}

function countOf(text: string | undefined, local: boolean): number {
  if (text === undefined) return 1;
  const count = parseInteger(text);
  if (count === undefined)
    throw initFailed(
      `${local ? `invalid value for max-file: ${text}: ` : ''}strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  if (count < (local ? 0 : 1))
    throw initFailed(local ? 'max file count cannot be less than 0' : 'max-file cannot be less than 1');
  return count;
}

function compressed(text: string | undefined, local: boolean): boolean {
  if (text === undefined) return false;
  const value = parseBool(text);
  if (value === undefined)
    throw initFailed(
      `${local ? 'error reading compress log option: ' : ''}strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  return value;
}

/** Attributes that json-file writes beside each line: chosen labels and variables, and the tag. */
export async function lineAttributes(options: Options, subject: LogSubject): Promise<Options> {
  const attributes = await chosenAttributes(options, subject);
  const { tag } = options;
  return tag ? { ...attributes, tag: await expandTag(tag, subject, options, attributes) } : attributes;
}
