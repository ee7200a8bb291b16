/** The result of a step: the key that the cache knows it by, and all layers up to its own. */
export interface StepRecord {
  key: string;
  diffIds: string[];
  created: string;
}

/** A root made of layers, and what identifies the way it was made to the cache. */
export interface Snapshot {
  diffIds: string[];
  key: string;
  /** The last step changed nothing: history says `empty_layer`. */
  lastEmpty: boolean;
  /** The steps above its base: what other builds may take from it. */
  steps: StepRecord[];
  /** The time at which its last step was done: the same for every build that takes it from the cache. */
  created?: string;
}
