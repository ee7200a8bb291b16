/** The Container Runtime Interface, served on its socket. */
export interface Cri {
  /** The address that it answers at. */
  readonly address: string;
  /** Takes no more calls and ends those that wait; what runs goes on. */
  close(): void;
}
