import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { ExecProcess } from '@berth/native';
import { conflict, notFound, systemError } from '../../base/errors.ts';
import type { ExecConfig, ExecInspect } from '../api.ts';
import type { Container } from '../model/container.ts';
import type { Context } from '../model/context.ts';
import type { RunningExec } from '../model/running.ts';
import { checkUser } from './archive.ts';
import { join as joinStreams, unframed } from './attach.ts';
import { endConnection, whenRead } from './connection.ts';
import { EndedExecs } from './ended-execs.ts';
import { execError, execute, exitCodeOf, NOT_RUN } from './execute.ts';
import { frame } from './frames.ts';
import { parseDetachKeys } from './keys.ts';

/** How long a resize waits for the start that it belongs to, in milliseconds. */
const START_WAIT = 10_000;

/** How long an exec may be asked about whose container was removed, in milliseconds. */
const GONE_KEPT = 5_000;

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
  /** The time at which the exec's container was removed, in milliseconds of the monotonic clock. */
  goneSince: number | undefined;
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

  /** Drops everything of an ended exec that no inspect shows. Returns how many characters are kept. */
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

  /**
   * An exec whose container was removed just now: its client was attached, and asks for the exit code when the stream has
   * ended. dockerd needs longer to remove a container than such a client to ask.
   */
  private ofGone(id: string): Exec | undefined {
    const exec = this.byId.get(id);
    if (!exec?.started || !exec.container.gone.signal.aborted) return undefined;
    const since = performance.now() - (exec.goneSince ?? performance.now());
    return since < GONE_KEPT ? exec : undefined;
  }

  async start(
    id: string,
    options: {
      tty?: boolean;
      consoleSize?: [number, number];
      exitCodes?: boolean;
      /** The words of the client's version for an error that is told in the stream. */
      words?: (text: string) => string;
      connection?: (tty: boolean) => Promise<Duplex>;
    },
  ): Promise<void> {
    const exec = this.get(id);
    const { container, config } = exec;
    checkRunning(container, container.id);
    const framed = !options.tty;
    const { words = (text) => text } = options;
    if (exec.started) {
      const told = conflict(
        `Error: Exec command ${id} ${exec.running ? 'is already running' : 'has already run'}`,
      );
      if (!options.connection) throw told;
      // dockerd has left HTTP by the time it looks: the error comes as the stream's text.
      await tellInStream(await options.connection(!framed), framed, words(told.message));
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
      await tellInStream(connection, framed, words(told.message));
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
    // An error of its own ends it below.
    process.stream.on('error', () => undefined);
    await whenRead(connection);
    if (connection.destroyed) {
      process.stream.destroy();
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
    const exec = this.ofGone(id) ?? this.get(id);
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

  /** A container was removed, its execs with it; those that were started go as any that ended (`EndedExecs`). */
  forgetAll(container: Container): void {
    for (const { id } of container.execs.values()) {
      const exec = this.byId.get(id);
      if (exec?.started) exec.goneSince = performance.now();
      else this.byId.delete(id);
    }
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

/** Tells an attached client an error where it reads its output, and ends the connection. */
async function tellInStream(connection: Duplex, framed: boolean, text: string): Promise<void> {
  await whenRead(connection);
  connection.write(framed ? frame(1, `${text}\r\n`) : `${text}\r\n`);
  endConnection(connection);
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
