import { conflict, invalidParameter, unsupported } from '../base/errors.ts';
import type { EndpointSettings, NetworkState } from '../networks/api.ts';
import type { ContainerInspect, Containers, ExecInspect, WaitCondition } from './api.ts';
import { commitContainer } from './commit.ts';
import { createContainer } from './create/create.ts';
import { archives, checkPath, withWorkingDir } from './io/archive.ts';
import { attach } from './io/attach.ts';
import { capture } from './io/capture.ts';
import { Execs } from './io/exec.ts';
import { openLog } from './io/logs/index.ts';
import { connectContainer, disconnectContainer } from './lifecycle/connect.ts';
import { Life } from './lifecycle/life.ts';
import { reconcileContainers } from './lifecycle/reconcile.ts';
import { removeContainer, removeLink, removeQuietly } from './lifecycle/remove.ts';
import { renameContainer } from './lifecycle/rename.ts';
import { askKill, askRestart, askStop } from './lifecycle/stop.ts';
import { updateContainer, updateMember } from './lifecycle/update.ts';
import type { Container } from './model/container.ts';
import { type Context, setRecord } from './model/context.ts';
import { Registry } from './model/registry.ts';
import type { ContainerSnapshot } from './model/types.ts';
import { imageUsers, loadContainers, openContext, secretUsers, volumeUsers } from './open.ts';
import { pruneContainers } from './prune.ts';
import { inspectContainer, NO_NETWORK } from './query/inspect.ts';
import { listContainers } from './query/list.ts';
import { readStats } from './query/stats.ts';
import { topContainer } from './query/top.ts';

/** Opens the room on its records. `reconcile` must follow before anything is started. */
export function openContainers(rooms: Context['rooms']): Containers {
  return new ContainerRoom(rooms);
}

class ContainerRoom implements Containers {
  private readonly context: Context;
  private readonly registry = new Registry();
  private readonly life: Life;
  private readonly execs: Execs;

  constructor(rooms: Context['rooms']) {
    this.context = openContext(rooms, this.registry);
    this.life = new Life(this.context);
    this.execs = new Execs(this.context);
    this.life.autoRemove = (container) => removeQuietly(this.context, this.life, this.execs, container);
    this.life.remedy = async ({ id, alive }, remedy) => {
      if (!alive) return;
      if (remedy === 'stop') await this.stop(id);
      else await this.restart(id);
    };
    loadContainers(this.context, this.networkState);
    rooms.volumes.setUsers((name) => volumeUsers(this.context, name));
    rooms.secrets.setUsers((kind, id) => secretUsers(this.context, kind, id));
    rooms.images.setUsers((imageId) => imageUsers(this.registry, imageId));
  }

  private readonly networkState = ({ id }: Container): NetworkState =>
    this.context.rooms.networks.state(id) ?? NO_NETWORK;

  async create(options: Parameters<Containers['create']>[0]): Promise<{ Id: string; Warnings: string[] }> {
    const { container, warnings } = await createContainer(this.context, options, this.networkState);
    return { Id: container.id, Warnings: warnings };
  }

  async start(reference: string, checkpoint?: { id: string; folder: string }): Promise<void> {
    const container = this.registry.lookup(reference);
    if (!checkpoint) return this.life.start(container);
    const { restorable } = await import('./checkpoints.ts');
    const { id, folder } = checkpoint;
    await this.life.start(container, () => restorable(this.context, container, id, folder));
  }

  async checkpoint(reference: string, options: Parameters<Containers['checkpoint']>[1]): Promise<void> {
    const container = this.registry.lookup(reference);
    const { createCheckpoint } = await import('./checkpoints.ts');
    await createCheckpoint(this.context, this.life, container, options);
  }

  async checkpoints(reference: string, folder: string): Promise<Array<{ Name: string }>> {
    const container = this.registry.lookup(reference);
    return (await import('./checkpoints.ts')).listCheckpoints(container, folder);
  }

  async removeCheckpoint(reference: string, id: string, folder: string): Promise<void> {
    const container = this.registry.lookup(reference);
    await (await import('./checkpoints.ts')).removeCheckpoint(container, id, folder);
  }

  async stop(reference: string, options: { timeout?: number; signal?: string } = {}): Promise<void> {
    await askStop(this.context, this.life, reference, options);
  }

  async restart(reference: string, options: { timeout?: number; signal?: string } = {}): Promise<void> {
    await askRestart(this.context, this.life, reference, options);
  }

  async kill(reference: string, signal?: string): Promise<void> {
    await askKill(this.context, this.life, reference, signal);
  }

  async pause(reference: string): Promise<void> {
    const container = this.registry.lookup(reference);
    await container.queue(() => this.life.apply(container, { type: 'pause', by: 'user' }));
  }

  async unpause(reference: string): Promise<void> {
    const container = this.registry.lookup(reference);
    await container.queue(() => this.life.apply(container, { type: 'unpause' }));
  }

  rename(reference: string, given: string): Promise<void> {
    return renameContainer(this.context, reference, given);
  }

  async remove(
    reference: string,
    options: { force?: boolean; volumes?: boolean; link?: boolean } = {},
  ): Promise<void> {
    if (options.link) return removeLink(this.context, reference);
    await removeContainer(this.context, this.life, this.execs, this.registry.lookup(reference), {
      force: options.force === true,
      volumes: options.volumes === true,
    });
  }

  wait(reference: string, condition: WaitCondition, signal?: AbortSignal) {
    const container = this.registry.lookup(reference);
    return { id: container.id, done: container.wait(condition, signal) };
  }

  async resize(reference: string, height: number, width: number): Promise<void> {
    const { supervisor, id } = this.registry.lookup(reference);
    if (!supervisor) throw conflict(`container ${id} is not running`);
    await supervisor.resize(height, width);
    this.context.emit(this.registry.lookup(reference), 'resize', {
      height: String(height),
      width: String(width),
    });
  }

  async update(reference: string, change: Parameters<Containers['update']>[1]) {
    return updateContainer(this.context, this.registry.lookup(reference), change);
  }

  async updateMember(id: string, change: Parameters<Containers['updateMember']>[1]): Promise<void> {
    await updateMember(this.context, this.registry.lookup(id), change);
  }

  async reopenLog(id: string): Promise<void> {
    const { supervisor } = this.registry.lookup(id);
    if (!supervisor) throw conflict(`container ${id} is not running`);
    await supervisor.reopenLog();
  }

  async keepStep(id: string): Promise<void> {
    const container = this.registry.lookup(id);
    await container.queue(async () => {
      const { buildStep: _, ...kept } = container.record;
      setRecord(this.context, container, kept);
    });
    await this.context.rooms.store.flush();
  }

  prune(filters: Record<string, string[]>) {
    return pruneContainers(this.context, this.life, this.execs, filters);
  }

  get(reference: string): ContainerSnapshot {
    return this.registry.lookup(reference).snapshot();
  }

  find(reference: string): ContainerSnapshot | undefined {
    return this.registry.find(reference)?.snapshot();
  }

  all(): ContainerSnapshot[] {
    return [...this.registry.all()].map((container) => container.snapshot());
  }

  private size(container: Container): Promise<{ rw: number; rootFs: number }> {
    return this.context.rooms.layers.writableSize(container.id);
  }

  async inspect(reference: string, options: { size?: boolean } = {}): Promise<ContainerInspect> {
    const container = this.registry.lookup(reference);
    return inspectContainer(this.context, container, options.size ? await this.size(container) : undefined);
  }

  list(options: Parameters<Containers['list']>[0]) {
    return listContainers(this.context, options, (container) => this.size(container));
  }

  counts() {
    return this.registry.counts();
  }

  async logs(reference: string, options: Parameters<Containers['logs']>[1]) {
    if (!options.stdout && !options.stderr)
      throw invalidParameter('Bad parameters: you must choose at least one stream');
    const container = this.registry.lookup(reference);
    if (!this.context.rooms.logging.readable(container.record.hostConfig.LogConfig))
      throw unsupported('configured logging driver does not support reading');
    return { tty: container.record.config.Tty, stream: await openLog(this.context, container, options) };
  }

  async attach(reference: string, options: Parameters<Containers['attach']>[1]): Promise<void> {
    await attach(this.context, reference, options);
  }

  async top(reference: string, psArgs: string) {
    return topContainer(this.context, this.registry.lookup(reference), psArgs);
  }

  async stats(reference: string, options: Parameters<Containers['stats']>[1]) {
    return readStats(this.context, this.registry.lookup(reference), options);
  }

  async changes(reference: string) {
    const container = this.registry.lookup(reference);
    await withWorkingDir(this.context, container);
    return this.context.rooms.layers.changes(container.id);
  }

  async export(reference: string) {
    return archives.export(this.context, this.registry.lookup(reference));
  }

  async commit(reference: string, options: Parameters<Containers['commit']>[1]): Promise<string> {
    return commitContainer(this.context, this.life, this.registry.lookup(reference), options);
  }

  async archiveStat(reference: string, path: string) {
    checkPath(path);
    return archives.stat(this.context, this.registry.lookup(reference), reference, path);
  }

  async archiveGet(reference: string, path: string) {
    checkPath(path);
    return archives.get(this.context, this.registry.lookup(reference), reference, path);
  }

  async archivePut(...[reference, path, tar, options]: Parameters<Containers['archivePut']>): Promise<void> {
    checkPath(path);
    const container = this.registry.lookup(reference);
    const { copyUIDGID, ...rest } = options;
    const { User } = container.record.config;
    await archives.put(this.context, container, reference, path, tar, {
      ...rest,
      ...(copyUIDGID && User !== '' && { owner: User }),
    });
  }

  execCapture(reference: string, options: Parameters<Containers['execCapture']>[1]) {
    return capture(this.context, this.registry.lookup(reference), options);
  }

  async execCreate(...[reference, config, options]: Parameters<Containers['execCreate']>): Promise<string> {
    const name = reference.replace(/^\//, '');
    if (!config.Cmd?.length) throw invalidParameter('No exec command specified');
    return this.execs.create(this.registry.lookup(reference), name, config, options?.checkUser);
  }

  async execStart(execId: string, options: Parameters<Containers['execStart']>[1]): Promise<void> {
    await this.execs.start(execId, options);
  }

  execInspect(execId: string): ExecInspect {
    return this.execs.inspect(execId);
  }

  async execResize(execId: string, height: number, width: number): Promise<void> {
    await this.execs.resize(execId, height, width);
  }

  connect(network: string, reference: string, endpoint: Partial<EndpointSettings>): Promise<void> {
    return connectContainer(this.context, network, reference, endpoint);
  }

  disconnect(network: string, reference: string, force: boolean): Promise<void> {
    return disconnectContainer(this.context, network, reference, force);
  }

  reconcile(): Promise<void> {
    return reconcileContainers(this.context, this.life);
  }

  close(): void {
    this.context.closing = true;
    for (const container of this.registry.all()) {
      container.callOffRestart();
      container.monitor?.end();
    }
  }
}
