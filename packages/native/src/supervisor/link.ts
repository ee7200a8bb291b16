import type { ExitStatus, LaunchRecord } from '../api.ts';

/** The part of the launcher that a supervisor's link needs. */
export interface Link {
  /** Sends a message to the supervisor. */
  send(records: LaunchRecord[]): void;
  /** The exit that the supervisor left in its folder, if it did. */
  lastExit(): ExitStatus | null;
  /** The daemon needs the supervisor no more. */
  drop(): void;
}
