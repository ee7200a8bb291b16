import { CliError } from '../base/errors.ts';
import type { Output } from '../base/output.ts';
import type { Cli } from '../cli/cli.ts';
import { humanSize } from '../format/sizes.ts';
import { type Body, jsonValues } from '../transport/body.ts';

/** A line of the daemon's progress streams. */
export interface ProgressMessage {
  stream?: string;
  status?: string;
  progress?: string;
  progressDetail?: { current?: number; total?: number; start?: number; hidecounts?: boolean; units?: string };
  id?: string;
  from?: string;
  time?: number;
  timeNano?: number;
  error?: string;
  errorDetail?: { code?: number; message?: string };
  aux?: unknown;
}

/** A failure that the daemon reported inside the stream. */
export class StreamError extends CliError {
  readonly code: number;

  constructor(message: string, code = 0) {
    super(message);
    this.code = code;
  }
}

/** The bar and the figures of one layer: `[=====>     ]  1.2MB/4.1MB`. */
export function progressBar(
  detail: NonNullable<ProgressMessage['progressDetail']>,
  width: number,
  now = Date.now(),
): string {
  const { current = 0, total = 0, start = 0, units = '' } = detail;
  if (current <= 0 && total <= 0) return '';
  const size = (value: number): string => humanSize(value).padStart(8);
  if (total <= 0) return units ? `${current} ${units}` : size(current);
  const half = Math.min(50, Math.trunc(Math.trunc((current / total) * 100) / 2));
  const bar = width > 110 ? `[${'='.repeat(half)}>${' '.repeat(50 - half)}] ` : '';
  let numbers = '';
  if (!detail.hidecounts) {
    if (units) numbers = current > total ? `${current} ${units}` : `${current}/${total} ${units}`;
    else numbers = current > total ? size(current) : `${size(current)}/${humanSize(total)}`;
  }
  let left = '';
  if (current > 0 && start > 0 && half < 50 && width > 50) {
    const seconds = Math.trunc(((total - current) * ((now - start * 1000) / current)) / 1000);
    left = ` ${seconds >= 60 ? `${Math.trunc(seconds / 60)}m` : ''}${seconds % 60}s`;
  }
  return bar + numbers + left;
}

/**
 * Shows a progress stream: on a terminal each layer has a line of its own that is written anew, elsewhere only whole
 * steps are printed. `aux` gets the values that are not for display. Throws StreamError for an error in the stream.
 */
export async function showProgress(
  body: Body,
  output: Output | undefined,
  terminal: { width: number } | undefined,
  aux?: (value: unknown) => void,
): Promise<void> {
  let lines = new Map<string, number>();
  const print = (text: string): void => output?.print(text);
  for await (const message of jsonValues<ProgressMessage>(body)) {
    if (message.aux !== undefined) {
      aux?.(message.aux);
      continue;
    }
    const progress = message.progressDetail;
    let below = 0;
    if (message.id && (progress || message.progress)) {
      let line = lines.get(message.id);
      if (line === undefined) {
        line = lines.size;
        lines.set(message.id, line);
        if (terminal) print('\n');
      }
      below = lines.size - line;
      if (terminal && below) print(`\x1b[${below}A`);
    } else lines = new Map();
    if (message.errorDetail || message.error)
      throw new StreamError(
        message.errorDetail?.message ?? message.error ?? 'the daemon reported an error',
        message.errorDetail?.code,
      );
    print(line(message, terminal));
    if (message.id && terminal && below) print(`\x1b[${below}B`);
  }
}

function line(message: ProgressMessage, terminal: { width: number } | undefined): string {
  const { progressDetail: progress } = message;
  let text = '';
  let end = '';
  const bar = progress ? progressBar(progress, terminal?.width ?? 200) : '';
  if (terminal && !message.stream && progress) {
    text = '\x1b[2K\r';
    end = '\r';
  } else if (bar) return '';
  if (message.id) text += `${message.id}: `;
  if (message.from) text += `(from ${message.from}) `;
  if (progress && terminal) return `${text}${message.status ?? ''} ${bar}${end}`;
  if (message.progress) return `${text}${message.status ?? ''} ${message.progress}${end}`;
  if (message.stream) return `${text}${message.stream}${end}`;
  return `${text}${message.status ?? ''}${end}\n`;
}

/** Shows a progress stream on standard output or error, as it suits where that leads. */
export async function showProgressOn(
  cli: Cli,
  body: Body,
  where: 'out' | 'err' | 'nowhere',
  aux?: (value: unknown) => void,
): Promise<void> {
  if (where === 'nowhere') return showProgress(body, undefined, undefined, aux);
  const isTerminal = where === 'out' ? cli.stdoutIsTerminal : cli.stderrIsTerminal;
  const width = isTerminal ? (where === 'out' ? process.stdout : process.stderr).columns : 0;
  return showProgress(body, cli[where], isTerminal ? { width: width || 200 } : undefined, aux);
}
