import pino from 'pino';

/** The daemon's log: one line per event on stderr, readable by people and by the usual parsers of key=value lines. */
let format: 'text' | 'json' = 'text';

const LEVELS: Record<number, string> = {
  10: 'debug',
  20: 'debug',
  30: 'info',
  40: 'warning',
  50: 'error',
  60: 'fatal',
};

const logger = pino(
  { level: 'info', base: undefined, timestamp: () => `,"time":"${new Date().toISOString()}"` },
  { write: (line: string) => process.stderr.write(format === 'json' ? line : readable(line)) },
);

/** Logs with fields: `log.warn({ container: id }, 'what happened')`. */
export const log: Pick<typeof logger, 'debug' | 'info' | 'warn' | 'error' | 'fatal'> = logger;

/** Chooses the level and the form of the lines; both may change while the daemon runs. */
export function configureLog(level: string, form: 'text' | 'json' = 'text'): void {
  logger.level = level;
  format = form;
}

function readable(line: string): string {
  const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  let text = `time=${quoted(time)} level=${LEVELS[level as number] ?? level} msg=${quoted(msg ?? '')}`;
  for (const [key, value] of Object.entries(fields)) {
    const plain =
      key === 'err' && value && typeof value === 'object' ? (value as { stack?: string }).stack : value;
    text += ` ${key === 'err' ? 'error' : key}=${quoted(plain)}`;
  }
  return `${text}\n`;
}

function quoted(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /^[\w./:@+-]+$/.test(text) ? text : JSON.stringify(text);
}
