import { randomBytes } from 'node:crypto';
import type { ExecProcess } from '@berth/native';
import { conflict } from '../../base/errors.ts';
import type { Captured } from '../api.ts';
import type { Container } from '../model/container.ts';
import type { Context } from '../model/context.ts';
import { execError, execute } from './execute.ts';
import { FrameReader } from './frames.ts';

const SIGKILL = 9;
/** How long a child of the command may hold its outputs after its end, in milliseconds. */
const DRAIN_TIME = 1000;

/**
 * Runs a command in a container to its end, and keeps its outputs up to `limit` bytes each.
 * @throws conflict when the container does not run; as an exec's start when the command can't be run.
 */
export async function capture(
  context: Context,
  container: Container,
  {
    command,
    timeout,
    limit,
    signal,
  }: { command: string[]; timeout: number; limit: number; signal: AbortSignal },
): Promise<Captured> {
  if (container.state.status !== 'running') throw conflict(`container ${container.id} is not running`);
  const execID = randomBytes(32).toString('hex');
  const text = `${command[0]} ${command.slice(1).join(' ')}`;
  context.emit(container, `exec_create: ${text}`, { execID });
  context.emit(container, `exec_start: ${text}`, { execID });
  let process: ExecProcess;
  try {
    process = await execute(
      context,
      container,
      { Cmd: command },
      { execId: execID, stdin: false, stdout: true, stderr: true, tty: false },
    );
  } catch (error) {
    throw execError(error);
  }
  const outputs = [new Output(limit), new Output(limit)];
  const reader = new FrameReader((stream, bytes) => outputs[stream - 1]?.push(bytes));
  process.stream?.on('data', (chunk: Buffer) => reader.push(chunk));
  process.stream?.on('error', () => undefined);
  let timedOut = false;
  const kill = () => void process.kill(SIGKILL).catch(() => undefined);
  const late = () => {
    timedOut = true;
    kill();
  };
  const timer = timeout > 0 ? setTimeout(late, timeout) : undefined;
  signal.addEventListener('abort', kill);
  const exitCode = await process.exited.catch(() => 255);
  clearTimeout(timer);
  signal.removeEventListener('abort', kill);
  if (process.stream && !process.stream.readableEnded && !timedOut) await drained(process);
  process.stream?.destroy();
  context.emit(container, 'exec_die', { execID, exitCode: String(exitCode) });
  return { exitCode, stdout: outputs[0]!.bytes(), stderr: outputs[1]!.bytes(), timedOut };
}

/** The first bytes of an output. */
class Output {
  private readonly limit: number;
  private readonly chunks: Buffer[] = [];
  private size = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  push(bytes: Buffer): void {
    const room = this.limit - this.size;
    if (room <= 0) return;
    this.chunks.push(Buffer.from(bytes.subarray(0, room)));
    this.size += Math.min(room, bytes.length);
  }

  bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

function drained({ stream }: ExecProcess): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, DRAIN_TIME);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    stream!.once('end', done);
    stream!.once('close', done);
  });
}
