import { randomUUID } from 'node:crypto';
import { Duplex } from 'node:stream';
import { encode } from '@berth/grpc';
import { BerthError } from '../../../base/errors.ts';
import type { OnProgress, RegistryAuth } from '../../../images/api.ts';
import type { BuildOptions } from '../../api.ts';
import { NETWORK_HOST } from '../../entitlements.ts';
import type { Tree } from '../../tree/tree.ts';
import type { Control } from '../control.ts';
import { Session } from './session.ts';

/** The session of a client that keeps none: it has the credentials sent with the request, and nothing else. */
class Sessionless extends Session {
  private readonly idle: Duplex;
  private readonly registries: Record<string, RegistryAuth>;

  constructor(registries: Record<string, RegistryAuth>) {
    // Nothing answers at the other end: no method is offered, so none is called.
    const idle = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
    super('', idle, []);
    this.idle = idle;
    this.registries = registries;
  }

  override async credentials(host: string): Promise<RegistryAuth | undefined> {
    return this.registries[host];
  }

  override async files(): Promise<never> {
    throw new BerthError('invalid-parameter', 'no active sessions');
  }

  override close(): void {
    super.close();
    this.idle.destroy();
  }
}

/** The Dockerfile front end's attributes for the query of POST /build. */
function attributesOf(options: BuildOptions): Record<string, string> {
  const { hostConfig } = options;
  const attributes: Record<string, string> = { filename: options.dockerfile };
  const set = (name: string, value: unknown) => {
    if (value) attributes[name] = String(value);
  };
  set('context', options.remote);
  set('target', options.target);
  set('platform', options.platform);
  set('image-resolve-mode', options.pull && 'pull');
  set('force-network-mode', options.networkMode);
  set('add-hosts', options.extraHosts.map((host) => host.replace(':', '=')).join(','));
  set('shm-size', hostConfig['ShmSize']);
  set('cgroup-parent', hostConfig['CgroupParent']);
  set(
    'ulimit',
    ((hostConfig['Ulimits'] ?? []) as Array<{ Name: string; Soft: number; Hard: number }>)
      .map(({ Name, Soft, Hard }) => `${Name}=${Soft}:${Hard}`)
      .join(','),
  );
  if (options.noCache) attributes['no-cache'] = '';
  for (const [name, value] of Object.entries(options.buildArgs))
    if (value !== null) attributes[`build-arg:${name}`] = value;
  for (const [name, value] of Object.entries(options.labels)) attributes[`label:${name}`] = value;
  return attributes;
}

/**
 * BuildKit on POST /build (`version=2`): the context is the request's body, the progress BuildKit's own messages in lines
 * of JSON. Returns the image's id.
 */
export async function buildUpload(
  control: Control,
  options: BuildOptions,
  tags: string[],
  fill: (tree: Tree) => Promise<void>,
  send: OnProgress,
): Promise<string> {
  const { output } = options;
  const none = new Sessionless(options.registries);
  const request = {
    Ref: randomUUID(),
    Frontend: 'dockerfile.v0',
    FrontendAttrs: attributesOf(options),
    // Asked for with the query, as the client's --network=host would.
    Entitlements: options.networkMode === 'host' ? [NETWORK_HOST] : [],
    Cache: {
      Imports: options.cacheFrom.map((ref) => ({ Type: 'registry', Attrs: { ref } })),
    },
    Exporters:
      output?.type === 'cacheonly'
        ? []
        : [
            {
              Type: output?.type || 'moby',
              Attrs: { ...(tags.length > 0 && { name: tags.join(',') }), ...output?.attributes },
            },
          ],
  };
  try {
    const session = options.session === '' ? none : await control.sessions.get(options.session);
    const given = { session, ...(options.remote === '' ? { fill } : {}) };
    const response = await control.build(request, given, options.signal, (status) => {
      if (!options.quiet)
        send({ id: 'moby.buildkit.trace', aux: encode('StatusResponse', status).toString('base64') });
    });
    const id = response['containerimage.config.digest'] ?? response['containerimage.digest'] ?? '';
    if (id === '') return id;
    if (options.quiet) send({ stream: `${id}\n` });
    else send({ id: 'moby.image.id', aux: { ID: id } });
    return id;
  } finally {
    none.close();
  }
}
