import { request as httpRequest } from 'node:http';
import type { DescribedOperation, Schema } from '@berth/api-spec';
import type { TestDaemon } from '../../support/daemon.ts';
import type { Random } from '../random.ts';
import { EXCUSED, TELLING, WAITING } from './rules.ts';
import { bad, resolved, value } from './values.ts';

/** A request whose answer broke a rule, as it can be sent again. */
export interface Finding {
  operation: string;
  request: string;
  why: string;
}

interface Sent {
  method: string;
  path: string;
  body: string | undefined;
}

interface Answer {
  /** 0: the connection ended without an answer; -1: no answer came in time. */
  status: number;
  text: string;
}

/** How long an answer is waited for, in milliseconds; a machine under load is slow. */
const PATIENCE = 15_000;

/** How long one is waited for that may wait for something to happen. */
const A_WHILE = 300;

/** Objects that requests are about. */
const NAMES = {
  stopped: 'fuzz-stopped',
  running: 'fuzz-running',
  network: 'fuzz-network',
  volume: 'fuzz-volume',
};

/** Names of filters: those of all lists, and what is none. */
const FILTERS = [
  'name',
  'id',
  'label',
  'status',
  'until',
  'dangling',
  'reference',
  'before',
  'since',
  'publish',
  'type',
  'driver',
  'network',
  'ancestor',
  'exited',
  'health',
  'x',
  '__proto__',
];

/** Sends requests to one daemon and judges its answers: each is a refusal in words, or a success; none hangs or breaks it. */
export class Fuzzer {
  readonly findings: Finding[] = [];
  private readonly daemon: TestDaemon;
  private readonly random: Random;
  private exec = '';

  constructor(daemon: TestDaemon, random: Random) {
    this.daemon = daemon;
    this.random = random;
  }

  /** Brings back what requests are about; removes what they made. */
  async arrange(): Promise<void> {
    const { daemon } = this;
    if ((await daemon.call('GET', '/images/bb:latest/json')).status !== 200) await daemon.importBusybox();
    const list = (await daemon.call('GET', '/containers/json?all=1')).json as Array<{
      Id: string;
      Names: string[];
      State: string;
    }>;
    for (const { Id, Names, State } of list) {
      const wanted =
        Names[0] === `/${NAMES.stopped}` || (Names[0] === `/${NAMES.running}` && State === 'running');
      if (!wanted) await daemon.call('DELETE', `/containers/${Id}?force=1&v=1`);
    }
    const body = { Image: 'bb', Cmd: ['sleep', '600'], HostConfig: { NetworkMode: 'none' } };
    await daemon.call('POST', `/containers/create?name=${NAMES.stopped}`, body);
    const made = await daemon.call('POST', `/containers/create?name=${NAMES.running}`, body);
    if (made.status === 201) await daemon.call('POST', `/containers/${NAMES.running}/start`);
    await daemon.call('POST', '/networks/create', { Name: NAMES.network });
    await daemon.call('POST', '/volumes/create', { Name: NAMES.volume });
    for (const { Id, Name } of (await daemon.call('GET', '/networks')).json as Array<{
      Id: string;
      Name: string;
    }>)
      if (!['bridge', 'host', 'none', NAMES.network].includes(Name))
        await daemon.call('DELETE', `/networks/${Id}`);
    const { Volumes } = (await daemon.call('GET', '/volumes')).json as { Volumes: Array<{ Name: string }> };
    for (const { Name } of Volumes)
      if (Name !== NAMES.volume) await daemon.call('DELETE', `/volumes/${encodeURIComponent(Name)}`);
    const exec = await daemon.call('POST', `/containers/${NAMES.running}/exec`, { Cmd: ['true'] });
    this.exec = exec.json?.Id ?? 'none';
  }

  /** One request of an operation, and whether its answer keeps the rules. Returns whether it may have changed something. */
  async one(described: DescribedOperation): Promise<boolean> {
    const sent = this.make(described);
    const before = described.method === 'GET' ? '' : await this.state();
    const waits = WAITING.has(described.id);
    const answer = await this.send(sent, waits ? A_WHILE : PATIENCE);
    const find = (why: string) =>
      this.findings.push({
        operation: described.id,
        request: `${sent.method} ${sent.path.slice(0, 600)} ${sent.body?.slice(0, 600) ?? ''}`,
        why: `${why}: ${answer.status} ${answer.text.slice(0, 300)}`,
      });
    if (answer.status === 0) find('no answer');
    else if (answer.status === -1 && !waits) find('no answer in time');
    else if (answer.status >= 500 && answer.status !== 501 && answer.status !== 503) {
      if (!EXCUSED.some((words) => answer.text.includes(words))) find('a server error');
    }
    if (TELLING.test(answer.text)) find('tells of its insides');
    if (described.method === 'GET') return false;
    if (answer.status >= 400 && answer.status < 500 && (await this.state()) !== before)
      find('refused, but something changed');
    return answer.status < 400;
  }

  private make({ id, method, path, parameters, operation }: DescribedOperation): Sent {
    const { random } = this;
    const url = path.replaceAll(/\{([^}]+)\}/g, (_, name: string) =>
      encodeURIComponent(this.named(path, name)),
    );
    const query: string[] = [];
    for (const { name, in: place, schema } of parameters) {
      if (place !== 'query') continue;
      // Building and pulling from other hosts is not what is tried here.
      if (['remote', 'fromImage', 'fromSrc'].includes(name)) continue;
      // A stop may be told to wait for years.
      if (name === 't' && path.startsWith('/containers')) continue;
      if (!random.chance(0.35)) continue;
      const given = this.parameter(name, schema);
      for (const one of random.chance(0.1) ? [given, given] : [given])
        query.push(`${encodeURIComponent(name)}=${encodeURIComponent(one)}`);
    }
    if (id === 'ImageCreate') query.push('fromSrc=-');
    const content = operation.requestBody?.content['application/json'];
    let body: string | undefined;
    if (content) {
      const made = random.chance(0.08)
        ? random.pick(['', '{', 'null', '[]', '"x"', '1', '{"a":', '\0', '{}{}', '[[[['.repeat(5000)])
        : safely(() => JSON.stringify(this.body(id, content.schema ?? {})));
      body = made;
    } else if (operation.requestBody) body = random.pick(['', 'x'.repeat(600), '\0'.repeat(1024)]);
    return { method, path: query.length > 0 ? `${url}?${query.join('&')}` : url, body };
  }

  private body(id: string, schema: Schema): unknown {
    const made = value(this.random, schema, 0);
    if (made === null || typeof made !== 'object' || Array.isArray(made)) return made;
    // The members needed to get as far as the wrong one.
    const needed: Record<string, unknown> = {
      ContainerCreate: { Image: 'bb', Cmd: ['true'] },
      NetworkCreate: { Name: 'fuzz-made' },
      NetworkConnect: { Container: NAMES.stopped },
      NetworkDisconnect: { Container: NAMES.stopped },
      ContainerExec: { Cmd: ['true'] },
    };
    return { ...(needed[id] as object), ...made };
  }

  private named(path: string, name: string): string {
    const { random } = this;
    if (random.chance(0.2)) return text(bad(random)) || 'x';
    if (path.startsWith('/exec')) return this.exec;
    if (path.startsWith('/networks')) return NAMES.network;
    if (path.startsWith('/volumes')) return NAMES.volume;
    if (path.startsWith('/images') || path.startsWith('/distribution')) return 'bb:latest';
    return name === 'id' ? random.pick([NAMES.running, NAMES.stopped]) : 'x';
  }

  private parameter(name: string, schema: Schema): string {
    const { random } = this;
    if (name === 'filters' && random.chance(0.7)) {
      const made = { [random.pick(FILTERS)]: random.chance(0.3) ? bad(random) : [text(bad(random))] };
      return safely(() => JSON.stringify(made)) ?? '';
    }
    const type = [resolved(schema).type].flat()[0];
    if (random.chance(0.4)) {
      if (type === 'boolean') return random.pick(['1', '0', 'true', 'False', '', 'x']);
      if (type === 'integer') return random.pick(['0', '1', '-1', '5']);
    }
    return text(bad(random));
  }

  private send({ method, path, body }: Sent, ms: number): Promise<Answer> {
    return new Promise((resolve) => {
      const request = httpRequest(
        {
          socketPath: this.daemon.socket,
          method,
          path,
          agent: false,
          headers:
            body === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
        },
        (response) => {
          let answer = '';
          const finish = () => {
            clearTimeout(late);
            request.destroy();
            resolve({ status: response.statusCode ?? 0, text: answer });
          };
          clearTimeout(late);
          late = setTimeout(finish, ms);
          response.on('data', (part: Buffer) => {
            if (answer.length < 10_000) answer += part.toString();
          });
          response.on('end', finish);
          response.on('error', finish);
        },
      );
      let late = setTimeout(() => {
        request.destroy();
        resolve({ status: -1, text: '' });
      }, ms);
      request.on('upgrade', (_response, socket) => {
        socket.destroy();
        clearTimeout(late);
        resolve({ status: 101, text: '' });
      });
      request.on('error', (error) => {
        clearTimeout(late);
        resolve({ status: 0, text: error.message });
      });
      request.end(body);
    });
  }

  /** The state of all objects, but for members that change with time. */
  private async state(): Promise<string> {
    const [containers, images, networks, volumes, stopped] = await Promise.all(
      [
        '/containers/json?all=1',
        '/images/json?all=1',
        '/networks',
        '/volumes',
        `/containers/${NAMES.stopped}/json`,
      ].map(async (path) => (await this.daemon.call('GET', path)).json),
    );
    const list = (containers as Array<Record<string, unknown>>).map(({ Status: _, ...rest }) => rest);
    return JSON.stringify([list, images, networks, volumes, stopped]);
  }

  async alive(): Promise<boolean> {
    const { process, log } = this.daemon;
    if (process?.exitCode !== null) return false;
    const ping = await this.daemon.call('GET', '/_ping').catch(() => undefined);
    const told = log.split('\n').filter((line) => /unhandled rejection|uncaught exception/.test(line));
    if (told.length > 0)
      this.findings.push({ operation: 'daemon', request: '', why: told.join('\n').slice(0, 2000) });
    return ping?.status === 200;
  }
}

function text(given: unknown): string {
  return (typeof given === 'string' ? given : (safely(() => JSON.stringify(given)) ?? ''))
    .toWellFormed()
    .slice(0, 3000);
}

/** JSON of what is nested deeper than JavaScript can write is written as a text. */
function safely(make: () => string | undefined): string | undefined {
  try {
    return make();
  } catch {
    return '['.repeat(20_000);
  }
}
