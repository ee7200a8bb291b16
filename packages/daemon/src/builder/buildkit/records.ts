import { type Sent, timestamp } from '@berth/grpc';
import { sortedMap } from '../../base/go-json.ts';
import type { ImageConfig, ImageRunConfig } from '../../images/api.ts';
import type { CacheRecord } from '../api.ts';
import type { StageResult } from './steps/step.ts';

/** A step as BuildKit's clients list it. */
export function usageRecord(record: CacheRecord): Sent<'UsageRecord'> {
  return {
    ID: record.ID,
    Mutable: false,
    InUse: record.InUse,
    Size: record.Size,
    CreatedAt: timestamp(Date.parse(record.CreatedAt)),
    LastUsedAt: timestamp(Date.parse(record.LastUsedAt)),
    UsageCount: record.UsageCount,
    Description: record.Description,
    RecordType: record.Type,
    Shared: record.Shared,
    Parents: [],
  };
}

/** containerd's filter language as buildx writes it: `id~=x,type==regular`. */
export function pruneFilters(lines: string[]): Record<string, string[]> {
  const filters: Record<string, string[]> = {};
  for (const term of lines.flatMap((line) => line.split(','))) {
    const [, name = '', value = ''] = /^(\w+)(?:[~=!]=(.*))?$/s.exec(term.trim()) ?? [];
    if (name !== '') filters[name] = [...(filters[name] ?? []), value.replace(/^"(.*)"$/, '$1')];
  }
  return filters;
}

/** Gives steps that have no time of their own the time of the step before, or of the first new one (as BuildKit). */
function timed(history: StageResult['history']): StageResult['history'] {
  let created: string | undefined;
  let missing = false;
  for (const step of history) {
    if (step.created) {
      created = step.created;
      if (missing) break;
    } else missing = true;
  }
  missing = false;
  return history.map((step) => {
    if (step.created) {
      if (missing) created = step.created;
      return step;
    }
    missing = true;
    return { ...(created ? { created } : {}), ...step };
  });
}

/** The members of a run configuration in the order in which BuildKit writes them. */
const MEMBERS = [
  'User',
  'ExposedPorts',
  'Env',
  'Entrypoint',
  'Cmd',
  'Volumes',
  'WorkingDir',
  'Labels',
  'StopSignal',
  'ArgsEscaped',
  'Healthcheck',
  'OnBuild',
  'Shell',
] as const;

/** As Go writes it: without empty members, maps sorted. The same settings are the same bytes, so the same image. */
function written(config: ImageRunConfig): ImageRunConfig {
  const members = MEMBERS.flatMap((name) => {
    const value = config[name];
    if (!value || (typeof value === 'object' && Object.keys(value).length === 0)) return [];
    const map = name === 'ExposedPorts' || name === 'Volumes' || name === 'Labels';
    return [[name, map ? sortedMap(value as Record<string, unknown>) : value]];
  });
  return Object.fromEntries(members);
}

/** The image configuration of a result: the same steps from the cache give the same image. `cache`: its inline cache. */
export function imageConfig(result: StageResult, cache?: string): ImageConfig {
  const history = timed(result.history);
  const created = history.at(-1)?.created;
  return {
    architecture: result.platform.architecture,
    ...(result.author ? { author: result.author } : {}),
    config: written(result.config),
    ...(created ? { created } : {}),
    history,
    os: result.platform.os,
    rootfs: { type: 'layers', diff_ids: result.snapshot.diffIds },
    ...(result.platform.variant ? { variant: result.platform.variant } : {}),
    ...(cache === undefined ? {} : { 'moby.buildkit.cache.v0': cache }),
  };
}
