import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { ExecProcess } from '@berth/native';
import { log } from '../../base/log.ts';
import type { ExecConfig } from '../api.ts';
import type { Container } from '../model/container.ts';
import type { Context } from '../model/context.ts';
import { execError, execute } from './execute.ts';
import { FrameReader } from './frames.ts';

const SIGKILL = 9;

/** Runs a health check's command: its exit code and what it wrote, up to `limit` bytes. Never throws. */
export async function runProbe(
  context: Context,
  container: Container,
  command: string[],
  timeout: number,
  limit: number,
): Promise<{ exitCode: number; output: string; timedOut: boolean }> {
  const execID = randomBytes(32).toString('hex');
  const text = `${command[0]} ${command.slice(1).join(' ')}`;
  const config: ExecConfig = { Cmd: command };
  context.emit(container, `exec_create: ${text}`, { execID });
  context.emit(container, `exec_start: ${text}`, { execID });
  let process: ExecProcess;
  try {
    process = await execute(context, container, config, {
      execId: execID,
      stdin: false,
      stdout: true,
      stderr: true,
      tty: false,
    });
  } catch (error) {
    return { exitCode: -1, output: execError(error).message, timedOut: false };
  }
  const chunks: Buffer[] = [];
  let size = 0;
  const reader = new FrameReader((_, bytes) => {
    if (size <= limit) chunks.push(Buffer.from(bytes));
    size += bytes.length;
  });
  process.stream?.on('data', (chunk: Buffer) => reader.push(chunk));
  process.stream?.on('error', (error) => log.debug({ err: error }, 'the stream of a health check'));
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    process.kill(SIGKILL).catch(() => undefined);
  }, timeout);
  const exitCode = await process.exited.catch(() => -1);
  clearTimeout(timer);
  if (process.stream && !process.stream.readableEnded && !timedOut) await ended(process.stream);
  process.stream?.destroy();
  context.emit(container, 'exec_die', { execID, exitCode: String(exitCode) });
  const output = Buffer.concat(chunks).toString();
  return { exitCode, output: size > limit ? `${output.slice(0, limit)}...` : output, timedOut };
}

/** A child may hold the output open after the end of the command: a while is enough. */
function ended(stream: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 1000);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    stream.once('end', done);
    stream.once('close', done);
  });
}
