import type { LogOptions } from '@berth/native';
import { invalidParameter, systemError } from '../../../base/errors.ts';
import { parseBool, parseDecimalSize, parseInteger, parseSize } from '../../../base/sizes.ts';
import { compileExpression } from '../../../patterns/expression.ts';
import { Slices } from '../../../patterns/slices.ts';

/** Options of each driver that writes, and the ones every driver takes. */
const OPTIONS: Record<string, readonly string[]> = {
  'json-file': ['max-file', 'max-size', 'compress', 'labels', 'labels-regex', 'env', 'env-regex', 'tag'],
  local: ['max-file', 'max-size', 'compress'],
};
const COMMON = ['mode', 'max-buffer-size'];

/** Drivers of dockerd that send logs elsewhere: known by name, so that the refusal can say what is the matter. */
const REMOTE = [
  'awslogs',
  'fluentd',
  'gcplogs',
  'gelf',
  'journald',
  'logentries',
  'splunk',
  'syslog',
  'etwlogs',
];

/**
 * Checks a log configuration as far as create does.
 * @throws invalid-parameter with dockerd's text.
 */
export function checkLogConfig(type: string, config: Record<string, string>): void {
  if (REMOTE.includes(type))
    throw invalidParameter(
      `logging driver ${type} is not supported; use one of 'json-file', 'local', or 'none'`,
    );
  if (type !== 'none' && !Object.hasOwn(OPTIONS, type))
    throw invalidParameter(
      `error looking up logging plugin ${type}: plugin ${JSON.stringify(type)} not found`,
    );
  const mode = config['mode'] ?? '';
  if (!['', 'blocking', 'non-blocking'].includes(mode))
    throw invalidParameter(`logger: logging mode not supported: ${mode}`);
  const buffer = config['max-buffer-size'];
  if (buffer !== undefined) {
    if (mode !== 'non-blocking')
      throw invalidParameter("logger: max-buffer-size option is only supported with 'mode=non-blocking'");
    if (parseSize(buffer) === undefined)
      throw invalidParameter(`error parsing option max-buffer-size: invalid size: '${buffer}'`);
  }
  // With the driver `none` nothing is read, so dockerd takes anything.
  if (type === 'none') return;
  for (const option of Object.keys(config)) {
    if (!OPTIONS[type]!.includes(option) && !COMMON.includes(option))
      throw invalidParameter(
        type === 'json-file'
          ? `unknown log opt '${option}' for json-file log driver`
          : `unknown log opt '${option}' for log driver ${type}`,
      );
  }
}

const LOCAL_DEFAULTS = { 'max-size': '20m', 'max-file': '5', compress: 'true' };

/**
 * The supervisor's options for a container's log. dockerd finds these values wrong when it starts the container, not
 * when it creates it.
 * @throws system with dockerd's text.
 */
export async function logOptions(
  type: string,
  config: Record<string, string>,
  path: string,
  attributes: () => Promise<Record<string, string>>,
): Promise<LogOptions> {
  if (type === 'none') return { driver: 'none', path, maxSize: 0, maxFile: 1, compress: false };
  const local = type === 'local';
  const options: Record<string, string> = local ? { ...LOCAL_DEFAULTS, ...config } : config;
  const refuse = (why: string) =>
    systemError(`failed to create task for container: failed to initialize logging driver: ${why}`);
  const prefix = (name: string) => (local ? `invalid value for ${name}: ${options[name]}: ` : '');

  let maxSize = 0;
  const size = options['max-size'];
  if (size !== undefined) {
    const bytes = local ? parseSize(size) : parseDecimalSize(size);
    if (bytes === undefined || bytes <= 0)
      throw refuse(
        `${prefix('max-size')}${bytes === undefined ? `invalid size: '${size}'` : 'max-size must be a positive number'}`,
      );
    maxSize = bytes;
  }
  let maxFile = 1;
  const files = options['max-file'];
  if (files !== undefined) {
    const count = parseInteger(files);
    if (count === undefined)
      throw refuse(`${prefix('max-file')}strconv.Atoi: parsing ${JSON.stringify(files)}: invalid syntax`);
    if (count < 1)
      throw refuse(
        local ? `invalid value for max-file: ${count}: must be at least 1` : 'max-file cannot be less than 1',
      );
    maxFile = count;
  }
  let compress = false;
  const compressed = options['compress'];
  if (compressed !== undefined) {
    const value = parseBool(compressed);
    if (value === undefined)
      throw refuse(
        `${local ? 'error reading compress log option: ' : ''}strconv.ParseBool: parsing ${JSON.stringify(compressed)}: invalid syntax`,
      );
    if (value && local && maxFile < 2) throw refuse('compression cannot be enabled when max file count is 1');
    if (value && !local && (maxFile < 2 || maxSize === 0))
      throw refuse('compress cannot be true when max-file is less than 2 or max-size is not set');
    compress = value && maxFile > 1;
  }
  const attrs = local ? {} : await attributes();
  return {
    driver: local ? 'local' : 'json-file',
    path,
    maxSize,
    maxFile,
    compress,
    ...(Object.keys(attrs).length > 0 && { attrs }),
  };
}

/** Attributes that json-file writes beside each line: chosen labels and variables, and the tag. */
export async function logAttributes(
  config: Record<string, string>,
  container: { id: string; name: string; image: string; labels: Record<string, string>; env: string[] },
): Promise<Record<string, string>> {
  const attributes: Record<string, string> = {};
  const environment = Object.fromEntries(
    container.env.map((entry) => {
      const [name = '', ...value] = entry.split('=');
      return [name, value.join('=')];
    }),
  );
  await pick(attributes, container.labels, config['labels'], config['labels-regex']);
  await pick(attributes, environment, config['env'], config['env-regex']);
  const tag = config['tag'];
  if (tag) attributes['tag'] = expandTag(tag, container);
  return attributes;
}

async function pick(
  into: Record<string, string>,
  from: Record<string, string>,
  names: string | undefined,
  pattern: string | undefined,
): Promise<void> {
  for (const name of names?.split(',') ?? []) if (from[name] !== undefined) into[name] = from[name];
  if (!pattern) return;
  const matches = await compileExpression(pattern).catch((error: Error) => {
    throw systemError(
      `failed to create task for container: failed to initialize logging driver: ${error.message}`,
      error,
    );
  });
  const slices = new Slices();
  for (const [name, value] of Object.entries(from)) {
    if (slices.due()) await slices.next();
    if (matches(name)) into[name] = value;
  }
}

/** What else dockerd's templates for tags may name; it stands as it is written. */
const OTHER_FIELDS = [
  'Command',
  'Config',
  'ContainerArgs',
  'ContainerCreated',
  'ContainerEntrypoint',
  'ContainerEnv',
  'ContainerImageID',
  'ContainerLabels',
  'ExtraAttributes',
  'Hostname',
  'ImageFullID',
  'ImageID',
  'LogPath',
];

/**
 * The templates that log tags are written with: `{{.ID}}`, `{{.FullID}}`, `{{.Name}}`, `{{.ImageName}}`, ...
 * @throws system with the text of Go's templates for an action that does not end or a field that is not there.
 */
function expandTag(
  template: string,
  { id, name, image }: { id: string; name: string; image: string },
): string {
  const refuse = (why: string) =>
    systemError(
      `failed to create task for container: failed to initialize logging driver: template: log-tag:${why}`,
    );
  const fields: Record<string, string> = {
    ID: id.slice(0, 12),
    FullID: id,
    Name: name,
    ImageName: image,
    DaemonName: 'docker',
    ContainerID: id,
    ContainerName: `/${name}`,
    ContainerImageName: image,
  };
  if (template.lastIndexOf('{{') > template.lastIndexOf('}}')) throw refuse('1: unclosed action');
  return template.replaceAll(/\{\{\s*\.(\w+)\s*\}\}/g, (whole, field: string, at: number) => {
    if (!Object.hasOwn(fields, field) && !OTHER_FIELDS.includes(field))
      throw refuse(
        `1:${at + whole.indexOf('.')}: executing "log-tag" at <.${field}>: can't evaluate field ${field} in type *logger.Info`,
      );
    return fields[field] ?? whole;
  });
}
