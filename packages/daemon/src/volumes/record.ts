/** A volume as the store has it. */
export interface VolumeRecord {
  name: string;
  /** As the API has it: RFC 3339, in whole seconds. */
  created: string;
  labels: Record<string, string> | null;
  /** Of a volume that is a mount: `type`, `device` and `o`, as mount(8) has them. */
  options: Record<string, string> | null;
}

/** The label that marks a volume that nobody named. */
export const ANONYMOUS = 'com.docker.volume.anonymous';

/** A time as records have it. */
export const seconds = (time: Date): string => `${time.toISOString().slice(0, 19)}Z`;
