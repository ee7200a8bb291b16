import { invalidParameter, notFound } from '../base/errors.ts';
import { parseSize } from '../base/sizes.ts';

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
/** The options that a mount option needs beside it. */
const NEEDS: Record<string, readonly string[]> = {
  device: ['type'],
  type: ['device'],
  o: ['device', 'type'],
};

/** Checks that a volume may be created. @throws invalid-parameter, not-found with dockerd's texts. */
export function checkVolume(name: string, driver: string, options: Record<string, string>): void {
  if (driver !== 'local')
    throw notFound(
      `create ${name}: error looking up volume plugin ${driver}: plugin ${JSON.stringify(driver)} not found`,
    );
  // dockerd counts bytes here: a letter of two is told of below.
  if (Buffer.byteLength(name) === 1)
    throw invalidParameter(
      `create ${name}: volume name is too short, names should be at least two alphanumeric characters`,
    );
  if (!NAME.test(name))
    throw invalidParameter(
      `create ${name}: ${JSON.stringify(name)} includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    );
  for (const option of Object.keys(options)) {
    if (option !== 'size' && !Object.hasOwn(NEEDS, option))
      throw invalidParameter(`create ${name}: invalid option: ${JSON.stringify(option)}`);
  }
  const { size } = options;
  if (size !== undefined) {
    const bytes = parseSize(size);
    if (bytes === undefined) throw invalidParameter(`create ${name}: invalid size: '${size}'`);
    if (bytes > 0) throw invalidParameter(`create ${name}: quota size requested but no quota support`);
  }
  for (const [option, needed] of Object.entries(NEEDS)) {
    if (!Object.hasOwn(options, option)) continue;
    for (const other of needed) {
      if (!options[other])
        throw invalidParameter(`create ${name}: missing required option: ${JSON.stringify(other)}`);
    }
  }
}

/** A filter of one boolean; undefined when it is not given. @throws invalid-parameter */
export function booleanFilter(filters: Record<string, string[]>, name: string): boolean | undefined {
  const values = filters[name];
  if (!values?.length) return undefined;
  const yes = values.some((value) => value === '1' || value === 'true');
  const no = values.some((value) => value === '0' || value === 'false');
  if (yes === no) throw invalidParameter(`invalid filter '${name}=[${values.join(' ')}]'`);
  return yes;
}

/** Whether labels have `name` or `name=value`. */
export function hasLabel(labels: Record<string, string> | null, wanted: string): boolean {
  const equals = wanted.indexOf('=');
  if (equals === -1) return labels !== null && Object.hasOwn(labels, wanted);
  return labels?.[wanted.slice(0, equals)] === wanted.slice(equals + 1);
}

const YES = ['1', 't', 'T', 'TRUE', 'true', 'True'];
const NO = ['0', 'f', 'F', 'FALSE', 'false', 'False'];

/** The `all` filter of prune. @throws invalid-parameter with dockerd's texts. */
export function pruneAll(values: string[]): boolean {
  if (values.length > 1)
    throw invalidParameter(`invalid filter 'all=[${values.join(' ')}]': only one value is expected`);
  const [value] = values;
  if (value === undefined || NO.includes(value)) return false;
  if (YES.includes(value)) return true;
  throw invalidParameter(
    `invalid filter 'all': strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`,
  );
}
