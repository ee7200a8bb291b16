import type { AttachOptions, LaunchRecord, LogOptions, StartOptions } from '../api.ts';

/*
 * Messages to a supervisor, as c/supervisor/messages.h names them and their arguments. One that runs may be of an earlier
 * version than this daemon: arguments by place keep their order.
 */

const flag = (value: boolean) => (value ? '1' : '0');

/** The message of a start. `clients`: the streams that it waits for. */
export function startRecords(
  { id, runFolder, openStdin, stdinOnce, tty, log, launch }: StartOptions,
  clients: { token: string; attach: AttachOptions }[],
): LaunchRecord[] {
  const flags = { 'open-stdin': openStdin, 'stdin-once': stdinOnce, terminal: tty };
  const set = Object.entries(flags).flatMap(([name, value]) => (value ? [`${name}=1`] : []));
  return [
    ['start', `id=${id}`, `folder=${runFolder}`, ...set],
    logRecord(log),
    ...clients.map(({ token, attach }): LaunchRecord => ['early', ...clientArguments(token, attach)]),
    ['launch'],
    ...launch,
  ];
}

/** The log of a run: of its start, or by `Supervisor.control` another one from the next line on. */
export function logRecord(options: LogOptions): LaunchRecord {
  const { driver, path, maxSize, maxFile, compress, attrs, position, limit } = options;
  const extra = attrs && Object.keys(attrs).length > 0 ? goJson(attrs) : '';
  return [
    'log',
    driver,
    path,
    String(maxSize),
    String(maxFile),
    compress ? '1' : '0',
    extra,
    position ?? '',
    String(limit ?? 0),
  ];
}

/** JSON as Go's encoder writes a map of strings: sorted, with what HTML treats specially escaped. */
function goJson(attrs: Record<string, string>): string {
  const sorted = Object.fromEntries(Object.entries(attrs).sort(([a], [b]) => (a < b ? -1 : 1)));
  return JSON.stringify(sorted).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The arguments by which the supervisor knows a client. */
function clientArguments(token: string, options: AttachOptions): string[] {
  return [
    token,
    flag(options.stdin),
    flag(options.stdout),
    flag(options.stderr),
    options.detachKeys?.toString('hex') ?? '',
  ];
}

/** The first record of an exec; those of its process follow. */
export function execRecord(
  token: string,
  options: AttachOptions & { execId: string; tty: boolean },
): LaunchRecord {
  return ['exec', options.execId, flag(options.tty), ...clientArguments(token, options)];
}

/** A client that attaches; `behindLog`: it has read the log so far. */
export function attachRecord(token: string, options: AttachOptions, behindLog = false): LaunchRecord {
  return ['attach', ...clientArguments(token, options), ...(behindLog ? ['1'] : [])];
}
