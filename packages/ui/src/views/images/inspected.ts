import type { ResponseOf } from '@berth/api-spec';
import { useEffect, useState } from 'preact/hooks';
import { call } from '../../api/requests.ts';
import type { Image } from '../../store/engine.ts';

export type Details = ResponseOf<'ImageInspect'>;

/** Members of an image's configuration that are shown. */
export interface RunConfig {
  Entrypoint?: string[] | null;
  Cmd?: string[] | null;
  User?: string;
  WorkingDir?: string;
  Env?: string[] | null;
  ExposedPorts?: Record<string, object> | null;
  Volumes?: Record<string, object> | null;
}

/** The settings that an image has for its containers. */
export const configOf = (details: Details | undefined): RunConfig => (details?.Config ?? {}) as RunConfig;

/** The details of an image that is here, never those of another; asked for again when the engine's line of it changes. */
export function useInspected(image: Image | undefined): Details | undefined {
  const [details, setDetails] = useState<Details | undefined>(undefined);
  useEffect(() => {
    if (!image) return;
    const gone = new AbortController();
    const path = `/images/${image.Id}/json` as '/images/{name}/json';
    call<'ImageInspect'>('GET', path, { signal: gone.signal }).then(setDetails, () => undefined);
    return () => gone.abort();
  }, [image]);
  return details?.Id === image?.Id ? details : undefined;
}
