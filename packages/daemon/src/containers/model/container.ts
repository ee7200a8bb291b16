import { join } from 'node:path';
import type { Supervisor } from '@berth/native';
import type { NetworkState } from '../../networks/api.ts';
import type { RuntimeRequest } from '../../runtime/api.ts';
import type { Monitor, PendingAttach, RunningExec } from './running.ts';
import type {
  ContainerRecord,
  ContainerSnapshot,
  Health,
  LifeState,
  WaitCondition,
  WaitResult,
} from './types.ts';

interface Waiter {
  condition: WaitCondition;
  resolve: (result: WaitResult) => void;
}

/** One container in memory: its record and state, what runs of it, and who waits for it. */
export class Container {
  readonly id: string;
  /** `<data root>/containers/<id>`: log, hosts, hostname, resolv.conf. */
  readonly folder: string;
  record: ContainerRecord;
  state: LifeState;
  health: Health | undefined;
  monitor: Monitor | undefined;
  supervisor: Supervisor | undefined;
  /** The runtime's request of the last start, which confines execs. */
  request: RuntimeRequest | undefined;
  readonly execs = new Map<string, RunningExec>();
  /** Attached before the start: their streams are opened before the program runs. */
  pending: PendingAttach[] = [];
  /** How many stops are under way. */
  stopping = 0;
  /** The next start restores the checkpoint in this folder. */
  restoring: string | undefined;
  /** A forced removal wants a start that is under way to end. */
  abandoned = false;
  removing = false;
  /** The start that the restart policy has arranged; `tried` is settled when it was made, or called off. */
  nextStart: { timer: NodeJS.Timeout; tried: PromiseWithResolvers<void> } | undefined;
  /** The removal of the last run's cgroup; the next start waits for it. False: it failed, and is the container's removal's. */
  cleaning: Promise<boolean> = Promise.resolve(true);
  /** Settled when the record of its last start is on the disk. */
  recorded: Promise<void> = Promise.resolve();
  /** Ends once, when the container is removed. */
  readonly gone = new AbortController();

  private readonly networkState: () => NetworkState;
  private tail: Promise<unknown> = Promise.resolve();
  private waiters: Waiter[] = [];
  private view: ContainerSnapshot | undefined;

  constructor(
    dataRoot: string,
    record: ContainerRecord,
    state: LifeState,
    networkState: (container: Container) => NetworkState,
  ) {
    this.id = record.id;
    this.folder = join(dataRoot, 'containers', record.id);
    this.record = record;
    this.state = state;
    this.networkState = () => networkState(this);
  }

  /** A start is under way. */
  get starting(): boolean {
    return this.state.launching === true;
  }

  get alive(): boolean {
    return this.state.status === 'running' || this.state.status === 'paused';
  }

  /** The frozen view that list and inspect read; made anew only after a change. */
  snapshot(): ContainerSnapshot {
    const network = this.networkState();
    const { view } = this;
    if (
      view &&
      view.record === this.record &&
      view.state === this.state &&
      view.health === this.health &&
      view.network === network
    )
      return view;
    this.view = Object.freeze({ record: this.record, state: this.state, health: this.health, network });
    return this.view;
  }

  /** Runs `action` after all that was queued before it: one change of a container at a time. */
  queue<T>(action: () => Promise<T>): Promise<T> {
    const turn = this.tail.then(action);
    this.tail = turn.catch(() => undefined);
    return turn;
  }

  /** There will be no start that the restart policy has arranged. */
  callOffRestart(): void {
    clearTimeout(this.nextStart?.timer);
    this.nextStart?.tried.resolve();
    this.nextStart = undefined;
  }

  /** Resolves at the condition; never rejects. A `signal` that fires forgets the waiter. */
  wait(condition: WaitCondition, signal?: AbortSignal): Promise<WaitResult> {
    if (condition === 'not-running' && !this.alive && !this.starting && this.state.status !== 'restarting')
      return Promise.resolve(this.result());
    return new Promise((resolve) => {
      const waiter: Waiter = { condition, resolve };
      this.waiters.push(waiter);
      signal?.addEventListener('abort', () => {
        this.waiters = this.waiters.filter((other) => other !== waiter);
      });
    });
  }

  /** Tells those who wait that the container has ended, or (`removed`) that it is no more. */
  settle(removed: boolean): void {
    const reached = (waiter: Waiter) => removed || waiter.condition !== 'removed';
    const told = this.waiters.filter(reached);
    this.waiters = this.waiters.filter((waiter) => !reached(waiter));
    // A container that is gone has no error to tell of, as in dockerd: clients would show the failed start twice.
    for (const { resolve } of told) resolve(removed ? { ...this.result(), Error: null } : this.result());
  }

  private result(): WaitResult {
    const { exitCode, error } = this.state;
    return { StatusCode: exitCode, Error: error === '' ? null : { Message: error } };
  }
}
