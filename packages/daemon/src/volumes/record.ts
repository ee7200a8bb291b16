/** A volume as the store has it. */
export interface VolumeRecord {
  name: string;
  /** As the API has it: RFC 3339, in whole seconds. */
  created: string;
  labels: Record<string, string> | null;
  /** `type`, `device` and `o` of a volume that is a mount, as mount(8) has them; and `size`, which is 0 and limits nothing. */
  options: Record<string, string> | null;
}

/** Whether a volume is a mount: `device` comes with a type, and `o` with both. */
export const isMount = ({ options }: Pick<VolumeRecord, 'options'>): boolean => Boolean(options?.['type']);

/** The label that marks a volume that nobody named. */
export const ANONYMOUS = 'com.docker.volume.anonymous';

/** A time as records have it. */
export const seconds = (time: Date): string => `${time.toISOString().slice(0, 19)}Z`;
