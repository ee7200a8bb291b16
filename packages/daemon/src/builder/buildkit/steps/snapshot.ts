/** A root made of layers, and what identifies the way it was made to the cache. */
export interface Snapshot {
  diffIds: string[];
  key: string;
  /** The last step changed nothing: history says `empty_layer`. */
  lastEmpty: boolean;
  /** When its last step was done: the same for everyone who takes it from the cache. */
  created?: string;
}
