import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { type ExecProcess, LaunchError } from '@berth/native';
import { BerthError, conflict, invalidParameter, notFound, systemError } from '../../base/errors.ts';
import { log } from '../../base/log.ts';
import { describeLaunchError, launchExitCode } from '../../runtime/index.ts';
import type { ExecConfig, ExecInspect } from '../api.ts';
import { linkVariables } from '../lifecycle/links.ts';
import { environment, overlayEnvironment } from '../lifecycle/request.ts';
import { rebuildRequest } from '../lifecycle/startup.ts';
import type { Container } from '../model/container.ts';
import type { Context } from '../model/context.ts';
import type { RunningExec } from '../model/running.ts';
import { checkUser } from './archive.ts';
import { join as joinStreams, unframed } from './attach.ts';
import { endConnection } from './connection.ts';
import { EndedExecs } from './ended-execs.ts';
import { FrameReader, frame } from './frames.ts';
import { parseDetachKeys } from './keys.ts';

/** The exit code of an exec that could not be started. */
const NOT_RUN = 126;
const SIGKILL = 9;
/** How long a resize waits for the start that it belongs to, in milliseconds. */
const START_WAIT = 10_000;

/** One further process of a container, from its creation on. */
export class Exec implements RunningExec {
  readonly id = randomBytes(32).toString('hex');
  readonly container: Container;
  config: ExecConfig;
  readonly detachKeys: Buffer;
  running = false;
  started = false;
  /** Never started while its container ran: there is no such exec any more, even if the container starts again. */
  dropped = false;
  exitCode: number | null = null;
  pid = 0;
  process: ExecProcess | undefined;
  /** Settled when its start has succeeded or failed. */
  readonly launched = Promise.withResolvers<void>();

  constructor(container: Container, config: ExecConfig) {
    this.container = container;
    this.config = config;
    this.detachKeys = config.ofPod ? Buffer.alloc(0) : parseDetachKeys(config.DetachKeys, 'escape');
  }

  /** The command as events name it. */
  get commandText(): string {
    const [program = '', ...args] = this.config.Cmd ?? [];
    return `${program} ${args.join(' ')}`;
  }

  /** It has ended: only what an inspect shows is kept. Returns how many characters that are. */
  shrink(): number {
    const { Cmd, Tty, User, Privileged, AttachStdin, AttachStdout, AttachStderr, DetachKeys } = this.config;
    this.config = { Cmd, Tty, User, Privileged, AttachStdin, AttachStdout, AttachStderr, DetachKeys };
    return (Cmd ?? []).reduce((sum, argument) => sum + argument.length, User?.length ?? 0);
  }

  /** The container is gone, and so is every process of it. */
  containerEnded(): void {
    if (!this.started) {
      this.exitCode ??= NOT_RUN;
      this.dropped = true;
    }
    this.launched.resolve();
  }
}

/** The execs of all containers. */
export class Execs {
  private readonly context: Context;
  private readonly byId = new Map<string, Exec>();
  private readonly ended = new EndedExecs((id) => this.forget(id));

  constructor(context: Context) {
    this.context = context;
  }

  async create(
    container: Container,
    reference: string,
    config: ExecConfig,
    userNow = false,
  ): Promise<string> {
    if (!config.Cmd?.length) throw invalidParameter('No exec command specified');
    checkRunning(container, reference);
    if (userNow && config.User) {
      await checkUser(this.context, container, config.User);
      checkRunning(container, reference);
    }
    const exec = new Exec(container, config);
    this.byId.set(exec.id, exec);
    container.execs.set(exec.id, exec);
    this.context.emit(container, `exec_create: ${exec.commandText}`, { execID: exec.id });
    return exec.id;
  }

  /** @throws not-found `No such exec instance: x` */
  get(id: string): Exec {
    const exec = this.byId.get(id);
    if (!exec || exec.dropped || exec.container.gone.signal.aborted)
      throw notFound(`No such exec instance: ${id}`);
    return exec;
  }

  async start(
    id: string,
    options: {
      tty?: boolean;
      consoleSize?: [number, number];
      exitCodes?: boolean;
      connection?: (tty: boolean) => Promise<Duplex>;
    },
  ): Promise<void> {
    const exec = this.get(id);
    const { container, config } = exec;
    checkRunning(container, container.id);
    const framed = !options.tty;
    if (exec.started) {
      const told = conflict(
        `Error: Exec command ${id} ${exec.running ? 'is already running' : 'has already run'}`,
      );
      if (!options.connection) throw told;
      // dockerd has left HTTP by the time it looks: the error comes as the stream's text.
      tellInStream(await options.connection(!framed), framed, told);
      return;
    }
    exec.started = true;
    const connection = await options.connection?.(!framed);
    let process: ExecProcess;
    try {
      process = await this.launch(exec, connection !== undefined, options.consoleSize ?? config.ConsoleSize);
    } catch (error) {
      this.finished(exec, options.exitCodes ? exitCodeOf(error) : NOT_RUN, false);
      const told = execError(error);
      if (!connection || config.ofPod) throw told;
      tellInStream(connection, framed, told);
      return;
    }
    const ended = process.exited.then(
      (code) => this.finished(exec, code, true),
      () => this.finished(exec, 255, true),
    );
    if (!connection || !process.stream) {
      // Detached, or none of its streams are wanted: such a client only waits for the end.
      if (connection) await ended.then(() => endConnection(connection));
      return;
    }
    const detached = await joinStreams(
      adapted(process.stream, config.Tty === true, framed),
      connection,
      config.AttachStdin === true,
      (reason) => reason === 'detach' || ended,
    );
    if (!detached) await ended;
  }

  inspect(id: string): ExecInspect {
    const exec = this.get(id);
    const { config } = exec;
    const [entrypoint = '', ...args] = config.Cmd ?? [];
    return {
      ID: exec.id,
      Running: exec.running,
      ExitCode: exec.exitCode,
      ProcessConfig: {
        tty: config.Tty ?? false,
        entrypoint,
        arguments: args,
        privileged: config.Privileged ?? false,
        ...(config.User && { user: config.User }),
      },
      OpenStdin: config.AttachStdin ?? false,
      OpenStderr: config.AttachStderr ?? false,
      OpenStdout: config.AttachStdout ?? false,
      CanRemove: false,
      ContainerID: exec.container.id,
      DetachKeys: config.DetachKeys ? exec.detachKeys.toString('base64') : '',
      Pid: exec.pid,
    };
  }

  async resize(id: string, height: number, width: number): Promise<void> {
    const exec = this.get(id);
    checkRunning(exec.container, exec.container.id);
    // A client tells the size as soon as it has asked for the start.
    if (!exec.process && exec.exitCode === null) await launchOf(exec);
    if (!exec.process) throw notFound(`process does not exist ${id}: not found`);
    await exec.process.resize(height, width);
  }

  private async launch(exec: Exec, attached: boolean, size?: [number, number]): Promise<ExecProcess> {
    const { container, config } = exec;
    this.context.emit(container, `exec_start: ${exec.commandText}`, { execID: exec.id });
    const process = await execute(this.context, container, config, {
      execId: exec.id,
      stdin: attached && config.AttachStdin === true,
      stdout: attached && config.AttachStdout === true,
      stderr: attached && config.AttachStderr === true,
      tty: config.Tty === true,
      ...(config.Tty && { detachKeys: exec.detachKeys }),
      ...(size && { size }),
    });
    exec.process = process;
    exec.pid = process.pid;
    exec.running = true;
    exec.launched.resolve();
    return process;
  }

  private finished(exec: Exec, code: number, ran: boolean): void {
    exec.running = false;
    exec.exitCode = code;
    exec.process = undefined;
    exec.launched.resolve();
    if (ran) this.context.emit(exec.container, 'exec_die', { execID: exec.id, exitCode: String(code) });
    this.ended.add(exec.id, exec.shrink());
  }

  private forget(id: string): void {
    this.byId.get(id)?.container.execs.delete(id);
    this.byId.delete(id);
  }

  /** A container was removed, its execs with it. */
  forgetAll(container: Container): void {
    for (const exec of container.execs.values()) this.byId.delete(exec.id);
    container.execs.clear();
  }
}

/** Waits for an exec to be started. @throws system when that takes too long. */
async function launchOf(exec: Exec): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(
    () => late.reject(systemError('timeout waiting for exec session ready')),
    START_WAIT,
  );
  await Promise.race([exec.launched.promise, late.promise]).finally(() => clearTimeout(timer));
}

/** @throws conflict with dockerd's text when a container can't take another process. */
function checkRunning(container: Container, reference: string): void {
  const { status } = container.state;
  if (status === 'paused')
    throw conflict(`Container ${reference} is paused, unpause the container before exec`);
  if (status === 'restarting')
    throw conflict(`Container ${container.id} is restarting, wait until the container is running`);
  if (status !== 'running') throw conflict(`container ${container.id} is not running`);
}

interface ExecuteOptions {
  execId: string;
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
  detachKeys?: Buffer;
  size?: [number, number];
}

/** Starts a further process in a container. */
export async function execute(
  context: Context,
  container: Container,
  config: ExecConfig,
  { size, ...options }: ExecuteOptions,
): Promise<ExecProcess> {
  const { supervisor, record } = container;
  if (!supervisor) throw conflict(`container ${container.id} is not running`);
  if (config.WorkingDir && !config.WorkingDir.startsWith('/'))
    throw invalidParameter('OCI runtime exec failed: exec failed: Cwd must be an absolute path: unknown');
  container.request ??= await rebuildRequest(context, container);
  const variables = new Map(
    environment(
      record,
      record.config.Hostname,
      linkVariables(container, (name) => context.registry.find(name)),
      options.tty,
    ).map((entry) => [entry.split('=', 1)[0]!, entry]),
  );
  overlayEnvironment(variables, config.Env ?? []);
  const asked = {
    args: config.Cmd ?? [],
    env: [...variables.values()],
    cwd: config.WorkingDir || record.config.WorkingDir || '/',
    user: config.User || record.config.User,
    privileged: config.Privileged === true,
    tty: options.tty,
    ...(size && { consoleSize: size }),
  };
  const launch = context.rooms.runtime.compileExec(container.request, asked, supervisor.foreign);
  return supervisor.exec(launch, options);
}

/** Tells an attached client an error where it reads its output, and ends the connection. */
function tellInStream(connection: Duplex, framed: boolean, { message }: BerthError): void {
  connection.write(framed ? frame(1, `${message}\r\n`) : `${message}\r\n`);
  endConnection(connection);
}

/** The exit code by the reason; 126 for what failed before there was a process. */
function exitCodeOf(error: unknown): number {
  return error instanceof LaunchError && error.stage !== 'user' ? launchExitCode(error, 'exec') : NOT_RUN;
}

/** A supervisor that does not answer. */
const ETIMEDOUT = 110;

/** The error of an exec that could not be started, in dockerd's words. */
export function execError(error: unknown): BerthError {
  if (error instanceof BerthError) return error;
  if (!(error instanceof LaunchError)) return systemError((error as Error).message, error);
  if (error.errno === ETIMEDOUT) return systemError(error.message, error);
  const text = describeLaunchError(error, 'exec');
  return error.stage === 'user' ? systemError(text, error) : invalidParameter(text, error);
}

/**
 * The stream in the form that the client asked for at the start: what a process writes is framed unless it has a
 * terminal, and the client may have said otherwise than the exec was created with.
 */
function adapted(
  stream: Duplex,
  tty: boolean,
  framed: boolean,
): Duplex & { transform?: (chunk: Buffer) => Buffer } {
  if (tty !== framed) return stream;
  if (tty) return Object.assign(stream, { transform: (chunk: Buffer) => frame(1, chunk) });
  return unframed(stream);
}

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
