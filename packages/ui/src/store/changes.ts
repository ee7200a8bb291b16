/** The parts of an event that tell what changed. */
export interface EngineEvent {
  Type: string;
  Action: string;
  Actor?: { ID?: string; Attributes?: Record<string, string> };
  time: number;
  timeNano: number;
}

/** The parts of the engine that are asked for again after events. */
export interface Changes {
  /** Containers whose line changed. */
  containers: Set<string>;
  /** Containers that are gone. */
  removed: Set<string>;
  images: boolean;
  networks: boolean;
  volumes: boolean;
}

/** No changes: events have come for nothing yet. */
export const noChanges = (): Changes => ({
  containers: new Set(),
  removed: new Set(),
  images: false,
  networks: false,
  volumes: false,
});

/** Actions of containers that change nothing that is listed. */
const SILENT = /^(?:exec_|attach|detach|top|resize|copy|export|archive-path|extract-to-dir|kill)/;

/** Adds what an event changes. */
export function noteEvent(changes: Changes, { Type, Action, Actor }: EngineEvent): void {
  const id = Actor?.ID ?? '';
  switch (Type) {
    case 'container':
      if (Action === 'destroy') {
        changes.removed.add(id);
        changes.containers.delete(id);
        // A volume or an image may have lost its last user.
        changes.images = true;
        changes.volumes = true;
      } else if (!SILENT.test(Action)) changes.containers.add(id);
      if (Action === 'create') changes.images = true;
      break;
    case 'image':
    case 'builder':
      changes.images = true;
      break;
    case 'network': {
      changes.networks = true;
      const container = Actor?.Attributes?.['container'];
      if (container) changes.containers.add(container);
      break;
    }
    case 'volume':
      changes.volumes = true;
      break;
  }
}
