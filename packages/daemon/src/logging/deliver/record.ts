/** The facts of a log that its delivery needs, kept beside it as `delivery.json`. */
export interface DeliveryRecord {
  driver: string;
  options: Record<string, string>;
  id: string;
  name: string;
  imageId: string;
  imageName: string;
  created: string;
  command: string;
  tag: string;
  /** Chosen labels and variables. */
  attributes: Record<string, string>;
  hostname: string;
  /** Bytes that may wait while the receiver does not take them; older ones are left out. 0: as many as the log holds. */
  limit: number;
}

export const RECORD = 'delivery.json';
export const LOG = 'container.log';
export const POSITION = 'position';
/** A file whose presence says that the container was removed: the folder goes when all is sent. */
export const REMOVED = 'removed';

/** From the daemon to its deliverer. */
export type Order =
  /** Begin with a folder, or with a new record of it; `connect`: answer whether the receiver is there. */
  | { do: 'open'; folder: string; number: number; connect: boolean }
  | { do: 'ended'; folder: string }
  | { do: 'removed'; folder: string };

/** From the deliverer to the daemon. */
export type Report =
  /** `following`: the folder's log is sent, now or as soon as its receiver can be reached. */
  | { is: 'opened'; number: number; following: boolean; error?: string }
  /** No log is left to send, and no order to carry out. */
  | { is: 'idle' }
  | { is: 'log'; level: 'info' | 'warn' | 'error'; fields: Record<string, unknown>; text: string };
