import { createHash, randomBytes } from 'node:crypto';
import { Duplex, type Readable } from 'node:stream';
import { pack } from 'tar-stream';
import { BerthError, invalidParameter } from '../base/errors.ts';
import { log } from '../base/log.ts';
import type { Containers } from '../containers/api.ts';
import type { ImageRunConfig } from '../images/api.ts';
import type { Archive, Layer, Layers } from '../layers/api.ts';
import { type CopyAttributes, copyTar, type Source } from './copy.ts';
import { followed } from './destination.ts';

/** The SHA-256 of a text or bytes in hexadecimal, without `sha256:`. */
export const sha256 = (text: string | Buffer) => createHash('sha256').update(text).digest('hex');

/** A RUN that ended with another status than 0. */
export class RunFailed extends BerthError {
  readonly exitCode: number;

  constructor(command: string[], exitCode: number) {
    super('system', `The command '${command.join(' ')}' returned a non-zero code: ${exitCode}`);
    this.exitCode = exitCode;
  }
}

/** The steps that change a root, each giving a layer; whichever front end asks for them. */
export class Steps {
  private readonly layers: Layers;
  private readonly containers: Containers;

  constructor(layers: Layers, containers: Containers) {
    this.layers = layers;
    this.containers = containers;
  }

  /** Works on a private writable root over `diffIds`; what `change` did to it becomes a layer. */
  async changed(diffIds: string[], change: (archive: Archive) => Promise<void>): Promise<Layer> {
    return this.withRoot(diffIds, async (archive, owner) => {
      await change(archive);
      return this.layers.add(await this.layers.diffTar(owner));
    });
  }

  /** A look into the root made of `diffIds`. */
  async withRoot<T>(diffIds: string[], use: (archive: Archive, owner: string) => Promise<T>): Promise<T> {
    const owner = randomBytes(32).toString('hex');
    await this.layers.createWritable(owner, diffIds);
    try {
      return await use(this.layers.archive(owner, {}), owner);
    } finally {
      // The step's result is whole all the same: only its working files stay.
      await this.layers
        .removeWritable(owner)
        .catch((error: unknown) =>
          log.warn({ err: error }, 'the files of a build step stay until the next start'),
        );
    }
  }

  /** COPY and ADD. */
  copy(
    diffIds: string[],
    sources: Source[],
    destination: string,
    options: CopyAttributes & { keepOwners?: boolean; signal: AbortSignal },
  ): Promise<Layer> {
    return this.changed(diffIds, async (archive) => {
      const tar = await copyTar(sources, destination, archive, options, options.keepOwners);
      await archive.put('/', tar, { noOverwriteDirNonDir: false, signal: options.signal });
    });
  }

  /** Makes a folder (WORKDIR) where it is missing; null when it was there. */
  async makeFolder(
    diffIds: string[],
    path: string,
    signal: AbortSignal,
    mtime = new Date(),
  ): Promise<Layer | null> {
    return this.withRoot(diffIds, async (archive, owner) => {
      try {
        const found = await archive.stat(`${path}/.`);
        if (found.mode >= 2 ** 31) return null;
        throw invalidParameter(`Cannot mkdir: ${path} is not a directory`);
      } catch (error) {
        if (error instanceof BerthError && error.message.endsWith('not a directory'))
          throw invalidParameter(`Cannot mkdir: ${path} is not a directory`, error);
        if (!(error instanceof BerthError) || error.kind !== 'not-found') throw error;
      }
      const out = pack();
      const parts = (await followed(archive, path)).split('/').filter(Boolean);
      for (let length = 1; length <= parts.length; length++) {
        const name = parts.slice(0, length).join('/');
        const exists = await archive.stat(`/${name}/.`).then(
          () => true,
          () => false,
        );
        if (!exists) out.entry({ name: `${name}/`, type: 'directory', mode: 0o755, uid: 0, gid: 0, mtime });
      }
      out.finalize();
      await archive.put('/', out as unknown as Readable, {
        noOverwriteDirNonDir: false,
        signal,
      });
      return this.layers.add(await this.layers.diffTar(owner));
    });
  }

  /**
   * A step that runs nothing: `make` gives its result while a container stands for it, which is created and removed (or kept)
   * as dockerd's is. Clients see that in events and lists. A container needs an image: for '' there is none.
   */
  async shown<T>(
    options: {
      image: string;
      config: ImageRunConfig;
      command: string[];
      keep: boolean;
      onCreated: (id: string) => void;
      onRemoved: (id: string) => void;
    },
    make: () => Promise<T>,
  ): Promise<T> {
    if (options.image === '') return make();
    const { Entrypoint, Env, User, Labels } = options.config;
    const { Id: id } = await this.containers.create({
      buildStep: true,
      body: {
        Image: options.image,
        Cmd: options.command,
        Entrypoint: Entrypoint ?? [],
        Env: Env ?? [],
        User: User ?? '',
        WorkingDir: '/',
        Labels: Labels ?? {},
        HostConfig: {},
      },
    });
    options.onCreated(id);
    try {
      return await make();
    } finally {
      if (options.keep) await this.containers.keepStep(id).catch(() => undefined);
      else {
        await this.containers.remove(id, { force: true, volumes: true }).catch(() => undefined);
        options.onRemoved(id);
      }
    }
  }

  /**
   * RUN: a container of `image`, its output to `onOutput`; what it changed as a layer. `onCreated` is told its id before
   * it starts, `onRemoved` after it went.
   * @throws RunFailed for another exit code than 0.
   */
  async run(options: {
    image: string;
    config: ImageRunConfig;
    command: string[];
    shown: string[];
    env: string[];
    hostConfig: Record<string, unknown>;
    /** Whether the container stays when the command succeeded, and when it failed. */
    keepOnSuccess?: boolean;
    keepOnFailure: boolean;
    signal: AbortSignal;
    onCreated?: (id: string) => void;
    onRemoved?: (id: string) => void;
    onOutput: OnOutput;
  }): Promise<Layer> {
    const { config, signal } = options;
    signal.throwIfAborted();
    const { Id: id } = await this.containers.create({
      buildStep: true,
      body: {
        Image: options.image,
        Cmd: options.command,
        Entrypoint: [],
        Env: options.env,
        User: config.User ?? '',
        WorkingDir: config.WorkingDir || '/',
        Healthcheck: { Test: ['NONE'] },
        Labels: {},
        AttachStdout: true,
        AttachStderr: true,
        HostConfig: options.hostConfig,
      },
    });
    options.onCreated?.(id);
    const abort = () => void this.containers.kill(id).catch(() => undefined);
    let failed = true;
    try {
      const output = new Output(options.onOutput);
      const attached = this.containers.attach(id, {
        stream: true,
        logs: false,
        stdin: false,
        stdout: true,
        stderr: true,
        connection: async () => output,
      });
      // Its end comes with an abort, too.
      const { done } = this.containers.wait(id, 'next-exit');
      signal.addEventListener('abort', abort, { once: true });
      await this.containers.start(id);
      if (signal.aborted) abort();
      const { StatusCode } = await done;
      await attached.catch(() => undefined);
      signal.throwIfAborted();
      if (StatusCode !== 0) throw new RunFailed(options.shown, StatusCode);
      const layer = await this.layers.add(await this.layers.diffTar(id));
      failed = false;
      return layer;
    } finally {
      signal.removeEventListener('abort', abort);
      if (failed ? options.keepOnFailure : options.keepOnSuccess) {
        await this.containers.keepStep(id).catch(() => undefined);
      } else {
        await this.containers.remove(id, { force: true, volumes: true }).catch(() => undefined);
        options.onRemoved?.(id);
      }
    }
  }
}

/** Takes a piece of a command's output; a promise that it returns holds the command back until it is kept. */
export type OnOutput = (text: string, stream: 'stdout' | 'stderr') => unknown;

/** Takes the framed output of an attach and hands on its payloads. */
export class Output extends Duplex {
  private readonly onOutput: OnOutput;
  private held: Buffer = Buffer.alloc(0);
  private readonly decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };

  constructor(onOutput: OnOutput) {
    super();
    this.onOutput = onOutput;
    this.push(null);
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.held = this.held.length > 0 ? Buffer.concat([this.held, chunk]) : chunk;
    let taken: unknown;
    while (this.held.length >= 8) {
      const length = this.held.readUInt32BE(4);
      if (this.held.length < 8 + length) break;
      const stream = this.held[0] === 2 ? 'stderr' : 'stdout';
      const text = this.decoders[stream].decode(this.held.subarray(8, 8 + length), { stream: true });
      this.held = this.held.subarray(8 + length);
      if (text !== '') taken = this.onOutput(text, stream);
    }
    if (taken instanceof Promise) void taken.then(done);
    else done();
  }
}
