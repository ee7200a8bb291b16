import type { Routes, SentQueryOf } from '@berth/api-spec';
import type { Query } from '../../transport/api.ts';
import type { Cli } from '../cli.ts';
import type { Source } from './kinds.ts';

/** One completion that may stand at the cursor. */
export interface Candidate {
  word: string;
  about?: string;
}

/** A daemon that does not answer within so many milliseconds offers nothing. */
const PATIENCE = 2000;

/** The objects of a kind that there are; none where they cannot be asked for. */
export async function lookUp(cli: Cli, source: Source, current: string): Promise<Candidate[]> {
  try {
    if (source === 'context') {
      const { ContextStore } = await import('../../config/context.ts');
      const known = new ContextStore(cli.contextFolder, cli.configFolder).list();
      return [
        { word: 'default' },
        ...known.map(({ Name, Metadata }) => ({ word: Name, about: Metadata.Description })),
      ];
    }
    const api = await cli.api();
    const signal = AbortSignal.timeout(PATIENCE);
    const get = <
      Id extends 'ContainerList' | 'ImageList' | 'NetworkList' | 'VolumeList' | 'SecretList' | 'ConfigList',
    >(
      path: Routes[Id]['path'],
      query?: Query & SentQueryOf<Id>,
    ) => api.json<Id>('GET', path, { query, signal });
    const containers = async (status: string[]): Promise<Candidate[]> =>
      (
        await get<'ContainerList'>('/containers/json', {
          all: true,
          ...(status.length ? { filters: JSON.stringify({ status }) } : {}),
        })
      ).map(({ Names, Image, Status }) => ({
        word: Names.find((name) => !name.slice(1).includes('/'))?.slice(1) ?? '',
        about: `${Image}, ${Status}`,
      }));
    switch (source) {
      case 'running':
        return await containers(['running', 'paused']);
      case 'paused':
        return await containers(['paused']);
      case 'stopped':
        return await containers(['created', 'exited']);
      case 'container':
        return await containers([]);
      case 'copy':
        return current.includes('/')
          ? []
          : (await containers([])).map(({ word, about }) => ({ word: `${word}:`, about }));
      case 'image':
        return (await get<'ImageList'>('/images/json')).flatMap(({ RepoTags }) =>
          (RepoTags ?? []).map((tag) => ({
            word: current.includes(':') ? tag : tag.replace(/:latest$/, ''),
          })),
        );
      case 'network':
        return (await get<'NetworkList'>('/networks')).map(({ Name, Driver }) => ({
          word: Name,
          about: Driver,
        }));
      case 'volume':
        return ((await get<'VolumeList'>('/volumes')).Volumes ?? []).map(({ Name }) => ({
          word: Name,
        }));
      case 'secret':
      case 'config':
        return (await get<'SecretList' | 'ConfigList'>(`/${source}s`)).map(({ Spec }) => ({
          word: Spec.Name,
        }));
      case 'any':
        return (
          await Promise.all(
            (['container', 'image', 'network', 'volume'] as const).map((kind) => lookUp(cli, kind, current)),
          )
        ).flat();
    }
  } catch {
    return [];
  }
}
