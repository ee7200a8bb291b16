import type { Routes } from '@berth/api-spec';
import { CliError } from '../../base/errors.ts';
import { bool, string } from '../../base/flags.ts';
import { atLeast, command } from '../../cli/command.ts';
import { type Inspected, inspectAll } from '../../shared/inspect.ts';
import { type Api, ApiError } from '../../transport/api.ts';

type Inspect = 'ContainerInspect' | 'ImageInspect' | 'NetworkInspect' | 'VolumeInspect';

interface Kind {
  name: string;
  goType: string;
  path(name: string): Routes[Inspect]['path'];
}

/** In the order in which a bare name is looked for. */
const kinds: readonly Kind[] = [
  { name: 'container', goType: 'types.ContainerJSON', path: (name) => `/containers/${name}/json` },
  { name: 'image', goType: 'types.ImageInspect', path: (name) => `/images/${name}/json` },
  { name: 'network', goType: 'types.NetworkResource', path: (name) => `/networks/${name}` },
  { name: 'volume', goType: 'volume.Volume', path: (name) => `/volumes/${name}` },
];

/** Kinds of Docker's that this engine never has one of. */
const absent = new Set(['service', 'task', 'node', 'plugin', 'secret', 'config']);

export default command({
  use: '[OPTIONS] NAME|ID [NAME|ID...]',
  about: 'Show all details of anything',
  args: atLeast(1),
  flags: {
    format: string('f', '"json" for one line, or a Go template for each'),
    size: bool('s', 'How much disk containers take'),
    type: string('', 'Only things of this kind: container, image, network, volume'),
  },
  async run({ cli, flags, args }) {
    const { type } = flags;
    if (type && !absent.has(type) && !kinds.some(({ name }) => name === type))
      throw new CliError(`"${type}" is not a valid value for --type`);
    const candidates = kinds.filter(({ name }) => type === '' || name === type);
    const api = await cli.api();
    await inspectAll(cli, args, flags.format, (name) => findAny(api, candidates, name, flags.size, type));
  },
});

/** The first of the kinds that has something of the name. */
async function findAny(
  api: Api,
  candidates: readonly Kind[],
  name: string,
  size: boolean,
  type: string,
): Promise<Inspected> {
  for (const kind of candidates)
    try {
      const query = kind.name === 'container' && size ? { size: true } : {};
      return { goType: kind.goType, json: await api.text<Inspect>('GET', kind.path(name), { query }) };
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404 || type) throw error;
    }
  throw new CliError(`Error: No such ${type || 'object'}: ${name}`);
}
