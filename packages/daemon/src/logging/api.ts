import type { LogOptions } from '@berth/native';
import type { LogSubject } from './attributes.ts';

export type { LogSubject } from './attributes.ts';

/** A container's log configuration, as the API has it. */
export interface LogConfig {
  Type: string;
  Config: Record<string, string>;
}

/**
 * Log drivers. Whatever the driver, the container's supervisor writes a file; what a driver sends elsewhere is read from
 * that file by a thread of the daemon, from where the receiver has it. So a receiver that hangs holds up no container (but
 * with `mode=blocking`), and a daemon that is killed loses no line: the next one goes on.
 */
export interface Logging {
  /**
   * The options of a run's log, for the supervisor. A driver that sends elsewhere connects first, as dockerd does.
   * @throws system with dockerd's texts
   */
  begin(config: LogConfig, subject: LogSubject, folder: string): Promise<LogOptions>;
  /** The path of the log file. */
  path(config: LogConfig, id: string, folder: string): string;
  /** Whether `logs` can read the log. */
  readable(config: LogConfig): boolean;
  /** A run has ended: what was gathered is sent. */
  ended(id: string): void;
  /** A container goes: what waits is sent still, then its log is removed. */
  removed(id: string): void;
  /** After the daemon's start: goes on with what an earlier one has not sent, also of containers that are gone. */
  reconcile(containers: ReadonlySet<string>): void;
  /** The daemon stops: the thread ends, and what is not sent waits for the next daemon. */
  close(): void;
}
