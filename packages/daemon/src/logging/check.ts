import { invalidParameter } from '../base/errors.ts';
import { parseBool, parseSize } from '../base/sizes.ts';
import { AWSLOGS_OPTIONS, parseAwslogs } from './options/awslogs.ts';
import { FLUENTD_OPTIONS, parseFluentd } from './options/fluentd.ts';
import { parseGelf } from './options/gelf.ts';
import { SPLUNK_OPTIONS } from './options/splunk.ts';
import { parseSyslog, SYSLOG_OPTIONS } from './options/syslog.ts';

type Options = Record<string, string>;

interface Driver {
  /** The options it takes; undefined: `check` refuses those that it does not. */
  options?: readonly string[];
  /** Checks what dockerd checks when a container is created. @throws Error with its text */
  check?(options: Options): unknown;
  /** How the refusal of an option calls the driver. */
  title?: string;
}

const JSON_FILE = ['max-file', 'max-size', 'compress', 'labels', 'labels-regex', 'env', 'env-regex', 'tag'];
const LOCAL = ['max-file', 'max-size', 'compress'];

/** The drivers that send logs elsewhere; each keeps a local copy, which `logs` reads. */
const REMOTE: Record<string, Driver> = {
  awslogs: { options: AWSLOGS_OPTIONS, check: parseAwslogs },
  fluentd: { options: FLUENTD_OPTIONS, check: parseFluentd },
  gelf: { check: parseGelf },
  journald: { options: ['labels', 'labels-regex', 'env', 'env-regex', 'tag'] },
  splunk: { options: SPLUNK_OPTIONS },
  syslog: { options: SYSLOG_OPTIONS, check: parseSyslog },
};

const DRIVERS: Record<string, Driver> = {
  'json-file': { options: JSON_FILE },
  local: { options: LOCAL, title: 'log driver local' },
  ...REMOTE,
};

/** Options that every driver takes: those of the buffer, and those of the local copy. */
const COMMON = [
  'mode',
  'max-buffer-size',
  'cache-disabled',
  'cache-max-size',
  'cache-max-file',
  'cache-compress',
];
/** Whether an option is about the local copy of a log that is sent elsewhere. */
export const isCacheOption = (name: string): boolean => name.startsWith('cache-');

/** Names of all drivers but `none`, as info lists them. */
export const driverNames = (): string[] => Object.keys(DRIVERS).sort();

/** Whether a driver sends logs elsewhere. */
export const isRemote = (type: string): boolean => Object.hasOwn(REMOTE, type);

/** Whether `logs` may read the local copy of a log that is sent elsewhere. */
export const keepsCopy = (options: Options): boolean => parseBool(options['cache-disabled'] || '0') !== true;

/**
 * Checks a log configuration as far as create does.
 * @throws invalid-parameter with dockerd's text.
 */
export function checkLogConfig(type: string, config: Options): void {
  if (type === 'gcplogs')
    throw invalidParameter(
      `logging driver gcplogs is not supported; use one of ${driverNames().join(', ')}, or none`,
    );
  if (type === 'logentries')
    throw invalidParameter('the logentries logging driver has been deprecated and removed');
  const driver = Object.hasOwn(DRIVERS, type) ? DRIVERS[type] : undefined;
  if (type !== 'none' && !driver)
    throw invalidParameter(
      `error looking up logging plugin ${type}: plugin ${JSON.stringify(type)} not found`,
    );
  checkMode(config);
  // With the driver `none` nothing is read, so dockerd takes anything.
  if (!driver) return;
  const disabled = config['cache-disabled'];
  if (disabled && parseBool(disabled) === undefined)
    throw invalidParameter(`invalid value for option cache-disabled: ${disabled}`);
  const own = Object.fromEntries(Object.entries(config).filter(([name]) => !COMMON.includes(name)));
  for (const option of Object.keys(own)) {
    if (!driver.options || driver.options.includes(option)) continue;
    throw invalidParameter(`unknown log opt '${option}' for ${driver.title ?? `${type} log driver`}`);
  }
  try {
    driver.check?.(own);
  } catch (error) {
    throw invalidParameter((error as Error).message, error);
  }
}

function checkMode(config: Options): void {
  const mode = config['mode'] ?? '';
  if (!['', 'blocking', 'non-blocking'].includes(mode))
    throw invalidParameter(`logger: logging mode not supported: ${mode}`);
  const buffer = config['max-buffer-size'];
  if (buffer === undefined) return;
  if (mode !== 'non-blocking')
    throw invalidParameter("logger: max-buffer-size option is only supported with 'mode=non-blocking'");
  if (parseSize(buffer) === undefined)
    throw invalidParameter(`error parsing option max-buffer-size: invalid size: '${buffer}'`);
}
