import type { Freezer, LifeState, RestartPolicy, StopSignal } from './types.ts';

/*
 * The life of a container as a pure function: (state, event) -> (state, effects). It decides; `life.ts` carries the
 * effects out, in their order, and feeds the events that they end with back. An intent is recorded in the state before
 * its effect touches the kernel (`launching`, `freezer`, `restarting`, `stop`), so that a daemon that is killed in between knows
 * at its next start what the kernel's state means. Times are RFC 3339 strings so that a state is plain data.
 */

/** The facts about a container that the state machine needs besides its state. */
export interface LifeContext {
  id: string;
  name: string;
  restartPolicy: RestartPolicy;
  autoRemove: boolean;
}

export type LifeEvent =
  /** A user (or the daemon, for a restart policy: `automatic`) wants it to run. */
  | { type: 'start'; automatic: boolean }
  | { type: 'started'; pid: number; at: string }
  | { type: 'start-failed'; exitCode: number; error: string; automatic: boolean; at: string }
  /** The OOM killer took something of it; `kills` counts since the start. */
  | { type: 'oom'; kills: number }
  /** `lost`: nobody knows how it ended, and the code is made up. */
  | { type: 'exited'; exitCode: number; oomKilled: boolean; lost?: boolean; at: string }
  /** Stop (`next`: its signal) or kill was asked for; `restart`: it is to run again afterwards. */
  | { type: 'stop-asked'; restart?: boolean; next?: StopSignal }
  /** The signal of a stop was sent; without `killAt` no kill follows it. */
  | { type: 'stop-sent'; signal: number; killAt?: number }
  /** A checkpoint that ends it is made; `failed`: it runs on as if none had been asked for. */
  | { type: 'checkpoint'; failed: boolean }
  /** The stop or the start of a restart failed. */
  | { type: 'restart-failed' }
  | { type: 'pause'; by: Freezer }
  | { type: 'frozen' }
  | { type: 'freeze-failed' }
  | { type: 'unpause' }
  | { type: 'thawed' }
  /** A supervisor that an earlier daemon started still has it running; `frozen` is the kernel's word. */
  | { type: 'resumed'; pid: number; frozen: boolean; at: string }
  /** `resumed`: a removal that an earlier daemon began is gone on with. */
  | { type: 'remove'; force: boolean; resumed?: boolean }
  | { type: 'remove-failed'; error: string }
  /** The daemon came up and the container does not run: does its policy want it to? */
  | { type: 'daemon-up' };

export type LifeEffect =
  | { do: 'launch'; automatic: boolean }
  /** Follow the process that was started or found, for its end and for the OOM killer. */
  | { do: 'follow' }
  | { do: 'emit'; action: string; attributes?: Record<string, string> }
  | { do: 'watch-health' }
  | { do: 'end-health' }
  /** Give back what a running container holds: network, cgroup, mounts. */
  | { do: 'clean-up' }
  | { do: 'settle' } // tell those who wait that it has ended
  | { do: 'restart-later'; delay: number }
  | { do: 'restart-now' }
  | { do: 'cancel-restart' }
  | { do: 'freeze' }
  | { do: 'thaw' }
  | { do: 'auto-remove' };

export interface Transition {
  state: LifeState;
  effects: LifeEffect[];
}
