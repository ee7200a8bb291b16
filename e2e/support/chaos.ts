import { randomBytes } from 'node:crypto';
import type { TestDaemon } from './daemon.ts';
import { tarOf } from './tar.ts';

/**
 * The acknowledged state. A value of `unsure` was being changed when the daemon went: either outcome is right, but
 * nothing in between.
 */
export class Acknowledged {
  readonly containers = new Map<string, 'created' | 'running' | 'unsure'>();
  readonly images = new Map<string, string>();
  readonly volumes = new Map<string, 'there' | 'unsure'>();
  readonly networks = new Map<string, 'there' | 'unsure'>();
  /** Ids of containers and networks, names of volumes: removed, and said to be. */
  readonly removed = new Set<string>();
}

/** Error texts for a request whose object another user has removed or ended. */
const ELSEWHERE = /No such image|\/ns\/net: No such file/;

type Step = (chaos: Chaos) => Promise<void>;

/** Users that do a bit of everything at once, until the daemon is gone. */
export class Chaos {
  readonly known = new Acknowledged();
  /** Answers that no crash explains. */
  readonly surprises: string[] = [];
  readonly registry: string | undefined;
  readonly daemon: TestDaemon;
  private readonly random: () => number;
  private stopped = false;

  /** @param random gives the users' choices: numbers from 0 (inclusive) to 1 (exclusive) */
  constructor(daemon: TestDaemon, registry: string | undefined, random: () => number) {
    this.daemon = daemon;
    this.registry = registry;
    this.random = random;
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  any<T>(values: Iterable<T>): T | undefined {
    const all = [...values];
    return all[Math.floor(this.random() * all.length)];
  }

  /** Runs `users` users side by side; resolves once all have met a dead daemon or `stop` was called. */
  async run(users: number): Promise<void> {
    const one = async () => {
      while (!this.stopped) {
        const step = this.any(steps)!;
        try {
          await step(this);
        } catch (error) {
          const { code, message } = error as NodeJS.ErrnoException;
          if (code || message === 'aborted' || message === 'socket hang up') return;
          this.surprises.push(`${step.name}: ${message}`);
        }
      }
    };
    await Promise.all(Array.from({ length: users }, one));
  }

  stop(): void {
    this.stopped = true;
  }

  /** A request that must succeed, be a conflict, or name something that another user has removed. */
  async call(method: string, path: string, body?: unknown) {
    const answer = await this.daemon.call(method, path, body);
    const refused = answer.status >= 400 || /"error":/.test(answer.text.slice(-400));
    const raced = [403, 404, 409].includes(answer.status) || ELSEWHERE.test(answer.text);
    if (refused && !raced)
      this.surprises.push(`${method} ${path}: ${answer.status} ${answer.text.slice(-300)}`);
    return answer;
  }
}

const name = (kind: string) => `${kind}-${randomBytes(4).toString('hex')}`;

/** A container's life; some are left running, some are only created. */
const containerLife: Step = async (chaos) => {
  const { containers } = chaos.known;
  const created = await chaos.call('POST', `/containers/create?name=${name('c')}`, {
    Image: 'bb',
    Cmd: ['sh', '-c', 'echo started; sleep 300'],
    ExposedPorts: { '80/tcp': {} },
    Volumes: chaos.chance(0.3) ? { '/data': {} } : {},
    HostConfig: {
      NetworkMode: chaos.any(['none', 'bridge', 'bridge', 'net-a']),
      PortBindings: chaos.chance(0.5) ? { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] } : {},
      Binds: chaos.chance(0.3) ? [`vol-${chaos.any([0, 1, 2])}:/v`] : [],
    },
  });
  if (created.status !== 201) return;
  const id = created.json.Id as string;
  containers.set(id, 'created');
  if (chaos.chance(0.1)) return;
  containers.set(id, 'unsure');
  const started = await chaos.call('POST', `/containers/${id}/start`);
  containers.set(id, started.status === 204 ? 'running' : 'created');
  if (chaos.chance(0.3)) await execIn(chaos, id);
  if (chaos.chance(0.2)) return;
  containers.set(id, 'unsure');
  if (chaos.chance(0.3)) await chaos.call('POST', `/containers/${id}/stop?t=0`);
  const removed = await chaos.call('DELETE', `/containers/${id}?force=1&v=1`);
  if (removed.status !== 204) return;
  containers.delete(id);
  chaos.known.removed.add(id);
};

async function execIn(chaos: Chaos, id: string): Promise<void> {
  const exec = await chaos.call('POST', `/containers/${id}/exec`, { Cmd: ['true'], AttachStdout: true });
  if (exec.status === 201) await chaos.call('POST', `/exec/${exec.json.Id}/start`, { Detach: true });
}

const connectAndDisconnect: Step = async (chaos) => {
  const [id] = chaos.any([...chaos.known.containers].filter(([, state]) => state === 'running')) ?? [];
  if (!id) return;
  const { json } = await chaos.call('GET', `/containers/${id}/json`);
  if (!json?.HostConfig || json.HostConfig.NetworkMode === 'none') return;
  const { status } = await chaos.call('POST', '/networks/net-b/connect', { Container: id });
  if (status === 200 && chaos.chance(0.7))
    await chaos.call('POST', '/networks/net-b/disconnect', { Container: id, Force: true });
};

const networkLife: Step = async (chaos) => {
  const { networks } = chaos.known;
  const made = await chaos.call('POST', '/networks/create', { Name: name('n') });
  if (made.status !== 201) return;
  networks.set(made.json.Id, 'there');
  if (chaos.chance(0.2)) return;
  networks.set(made.json.Id, 'unsure');
  if ((await chaos.call('DELETE', `/networks/${made.json.Id}`)).status !== 204) return;
  networks.delete(made.json.Id);
  chaos.known.removed.add(made.json.Id);
};

const volumeLife: Step = async (chaos) => {
  const { volumes } = chaos.known;
  const given = name('v');
  if ((await chaos.call('POST', '/volumes/create', { Name: given })).status !== 201) return;
  volumes.set(given, 'there');
  if (chaos.chance(0.2)) return;
  volumes.set(given, 'unsure');
  if ((await chaos.call('DELETE', `/volumes/${given}`)).status !== 204) return;
  volumes.delete(given);
  chaos.known.removed.add(given);
};

/** Remembers what a tag stands for once it was said; what is half-way is nobody's promise. */
async function acknowledge(chaos: Chaos, tag: string): Promise<void> {
  const found = await chaos.call('GET', `/images/${tag}/json`);
  if (found.status === 200) chaos.known.images.set(`${tag}:latest`, found.json.Id);
}

const importImage: Step = async (chaos) => {
  const tag = name('i');
  const tar = tarOf({ [tag]: randomBytes(200_000) });
  const made = await chaos.call('POST', `/images/create?fromSrc=-&repo=${tag}`, tar);
  if (made.status === 200) await acknowledge(chaos, tag);
};

const commitContainer: Step = async (chaos) => {
  const id = chaos.any(chaos.known.containers.keys());
  if (!id) return;
  const tag = name('i');
  if ((await chaos.call('POST', `/commit?container=${id}&repo=${tag}&pause=0`)).status === 201)
    await acknowledge(chaos, tag);
};

const buildImage: Step = async (chaos) => {
  const tag = name('i');
  const context = tarOf({ Dockerfile: `FROM bb\nCOPY x /x-${tag}\nRUN echo ${tag} > /y\n`, x: tag });
  if ((await chaos.call('POST', `/build?t=${tag}&forcerm=1`, context)).status === 200)
    await acknowledge(chaos, tag);
};

const saveAndLoad: Step = async (chaos) => {
  const tag = chaos.any(chaos.known.images.keys());
  if (!tag) return;
  const saved = await chaos.daemon.raw('GET', `/images/${tag}/get`);
  if (saved.status !== 200) return;
  await chaos.call('POST', '/images/load', saved.body);
};

const pushAndPull: Step = async (chaos) => {
  const tag = chaos.any(chaos.known.images.keys());
  if (!tag || !chaos.registry) return;
  const remote = `${chaos.registry}/${name('r')}`;
  if ((await chaos.call('POST', `/images/${tag}/tag?repo=${remote}&tag=latest`)).status !== 201) return;
  const pushed = await chaos.daemon.call('POST', `/images/${remote}/push?tag=latest`, undefined, {
    'x-registry-auth': Buffer.from('{}').toString('base64'),
  });
  if (pushed.status === 200 && chaos.chance(0.5)) {
    await chaos.call('DELETE', `/images/${remote}:latest`);
    await chaos.call('POST', `/images/create?fromImage=${remote}&tag=latest`);
  }
  await chaos.call('DELETE', `/images/${remote}:latest`);
};

const removeImage: Step = async (chaos) => {
  const tag = chaos.any(chaos.known.images.keys());
  if (!tag) return;
  chaos.known.images.delete(tag);
  await chaos.call('DELETE', `/images/${tag}?force=1`);
};

const prune: Step = async (chaos) => {
  await chaos.call('POST', '/images/prune');
  await chaos.call('POST', '/build/prune?all=1');
};

const steps: Step[] = [
  containerLife,
  containerLife,
  containerLife,
  connectAndDisconnect,
  networkLife,
  volumeLife,
  importImage,
  commitContainer,
  buildImage,
  saveAndLoad,
  pushAndPull,
  removeImage,
  prune,
];
