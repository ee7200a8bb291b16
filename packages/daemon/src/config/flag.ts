/** A flag of berthd: applied (`field` names the setting), or refused by name (`refuse` says why, for the values that it holds for). */
export interface Flag {
  name: string;
  short?: string;
  /** The configuration file's key, where it is not the flag's name. */
  key?: string;
  type:
    | 'string'
    | 'boolean'
    | 'integer'
    | 'bytes'
    | 'list'
    | 'map'
    | 'maps'
    | 'ulimits'
    | 'pools'
    | 'runtimes';
  field?: string;
  /** Flags that make no sense in a configuration file. */
  flagOnly?: boolean;
  reload?: boolean;
  help: string;
  /** Why this value is not supported; undefined when it is. */
  refuse?: (value: unknown) => string | undefined;
  /** The part of it that is not supported, where the reason of a refusal does not say it all. */
  limit?: string;
}

/** The part of a flag that is not supported, for its help: the reason that a value gets which is not accepted. */
export function limitOf({ type, limit, refuse }: Flag): string | undefined {
  if (!refuse || limit !== undefined) return limit;
  const other = type === 'list' ? ['\0'] : type === 'map' ? { '\0': '' } : '\0';
  return refuse(other);
}

/** Refuses every value. */
export const never = (why: string) => () => why;
/** Fine when it asks for what is done anyway. */
export const only =
  (...accepted: unknown[]) =>
  (why: string) =>
  (value: unknown) =>
    accepted.includes(value) ? undefined : why;
