import type { Duplex } from 'node:stream';
import type { AttachOptions, Supervisor } from '@berth/native';

/** The streams of one run of a container. */
export interface LiveStreams {
  stream: Duplex;
  supervisor: Supervisor;
}

/** A client that attached before the start: its streams are opened before the program runs. */
export interface PendingAttach {
  options: AttachOptions;
  deliver(live: LiveStreams): void;
}

/** One further process of a container (docker exec), as far as the container itself is concerned with it. */
export interface RunningExec {
  readonly id: string;
  /** null until it has ended. */
  readonly exitCode: number | null;
  /** The container is gone, and so is every process of it. */
  containerEnded(): void;
}

/** Runs a container's health check at its interval. */
export interface Monitor {
  end(): void;
}
