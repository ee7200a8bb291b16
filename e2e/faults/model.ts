/** The states of a container that a client sees; `gone` is none, `dead` one whose removal failed. */
export type State = 'created' | 'running' | 'paused' | 'exited' | 'dead' | 'gone';

/**
 * The program of a container. `counter` counts from 1 in its output, one line each 20 ms, and ends with 5 when it is
 * asked to;
 * `short` counts to its length and ends with its code; `idle` takes no signal but the last.
 */
export type Program = { kind: 'counter' } | { kind: 'short'; lines: number; code: number } | { kind: 'idle' };

/**
 * A container that one user made, as it was acknowledged. Where a request got no answer either outcome is right: then there
 * are several states, names, ... but never one in between.
 */
export class Box {
  readonly id: string;
  readonly program: Program;
  /** The request of the creation; the inspection must say the same. */
  readonly request: CreateRequest;
  may = new Set<State>(['created']);
  names: Set<string>;
  memory: Set<number>;
  /** Networks it is connected to: surely, or perhaps. */
  readonly networks = new Map<string, 'yes' | 'perhaps'>();
  /** The process that an inspection told after the last start that was acknowledged. */
  pid: number | undefined;
  /** Starts that were acknowledged, and those that may have happened besides. */
  starts = 0;
  perhapsStarted = 0;
  /** The exit codes that its last end may have; undefined: any. */
  codes: Set<number> | undefined;
  /** Lines of its output may be missing at the end of a run, for what collected them was killed or the disk was full. */
  cut = false;
  removedAutomatically: boolean;
  /** The container's supervisor was killed or stopped, so that the container may have ended by that. */
  struck = false;

  constructor(id: string, name: string, program: Program, request: CreateRequest) {
    this.id = id;
    this.program = program;
    this.request = request;
    this.names = new Set([name]);
    this.memory = new Set([request.HostConfig.Memory]);
    this.removedAutomatically = request.HostConfig.AutoRemove;
    const { NetworkMode } = request.HostConfig;
    if (NetworkMode !== 'none') this.networks.set(NetworkMode, 'yes');
  }

  /** Whether it is surely in this state, as far as its client can know. */
  is(state: State): boolean {
    return !this.struck && this.may.size === 1 && this.may.has(state);
  }
}

export interface CreateRequest {
  Image: string;
  Cmd: string[];
  Env: string[];
  Labels: Record<string, string>;
  ExposedPorts?: Record<string, object>;
  HostConfig: {
    NetworkMode: string;
    AutoRemove: boolean;
    Memory: number;
    Binds: string[];
    PortBindings: Record<string, { HostIp: string; HostPort: string }[]>;
    LogConfig: { Type: string; Config: Record<string, string> };
  };
}

/** An object that is there or not: a network, a volume, a tag. */
export interface Thing {
  there: 'yes' | 'no' | 'perhaps';
  /** The value its inspection must show: an image's id, a network's subnet. */
  value?: string;
}

/** The answers that one user was given. */
export class Acknowledged {
  readonly boxes: Box[] = [];
  readonly volumes = new Map<string, Thing>();
  readonly networks = new Map<string, Thing>();
  readonly images = new Map<string, Thing>();
}
