/** One event as the API sends it (GET /events). */
export interface EngineEvent {
  Type: 'container' | 'image' | 'network' | 'volume' | 'daemon' | 'builder' | 'secret' | 'config';
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> };
  scope: 'local';
  time: number;
  timeNano: number;
}

/** The events of the engine, as they happen. */
export interface Events {
  /** Stamps and publishes; never throws, never waits. */
  emit(type: EngineEvent['Type'], action: string, id: string, attributes?: Record<string, string>): void;
  /** Calls `listener` for every later event; returns the function that ends it. */
  subscribe(listener: (event: EngineEvent) => void): () => void;
  /** The last events kept in memory (256, as dockerd), oldest first, for `since`. */
  history(): readonly EngineEvent[];
  /** How many listen now. */
  listeners(): number;
}
