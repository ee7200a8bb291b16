import type { Duplex } from 'node:stream';

/** The request that a one-time URL stands for. */
export type Offer =
  | {
      kind: 'exec';
      container: string;
      command: string[];
      stdin: boolean;
      stdout: boolean;
      stderr: boolean;
      tty: boolean;
    }
  | { kind: 'attach'; container: string; stdin: boolean; stdout: boolean; stderr: boolean; tty: boolean }
  | { kind: 'portforward'; pod: string; ports: number[] };

/** The server that clients stream with, told by URLs that hold once. */
export interface Streaming {
  /** The URL by which what is offered is taken up; it holds for a minute. */
  offer(offer: Offer): Promise<string>;
  close(): void;
}

/** How a process's streams reach a client, whatever it speaks. */
export interface RemoteStreams {
  stdin: Duplex | undefined;
  stdout: Duplex | undefined;
  stderr: Duplex | undefined;
  /** Tells how it ended: the text of a Kubernetes status. */
  finish(status: string): Promise<void>;
  /** Calls `resized` for each size of the client's terminal. */
  onResize(resized: (height: number, width: number) => void): void;
  /** Resolves when the client is gone. */
  readonly gone: Promise<void>;
  /** Ends the connection without a status. */
  close(): void;
}

/** One forwarded connection of a client. */
export interface ForwardedStream {
  port: number;
  data: Duplex;
  /** The stream that a failure is written to, as text. */
  error: Duplex;
}
