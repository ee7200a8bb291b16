import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestDaemon } from '../../support/daemon.ts';

/** The stock `docker` command line and `berth` do the same against one daemon, and must say the same. */
export const clients = ['docker', 'berth'] as const;
export type Client = (typeof clients)[number];

export let daemon: TestDaemon;
/** Starts a daemon with a context to build and a container that both clients see. */
export function withClients(): void {
  beforeAll(async () => {
    daemon = await TestDaemon.start();
    const context = join(daemon.folder, 'context');
    mkdirSync(join(context, 'kept'), { recursive: true });
    writeFileSync(
      join(context, 'Dockerfile'),
      'FROM bb\nCOPY . /context\nRUN ls /context /context/kept\nLABEL a=b\n',
    );
    writeFileSync(join(context, '.dockerignore'), '*.log\nkept/*\n!kept/this\n');
    for (const file of ['x.log', 'x.txt', 'kept/this', 'kept/that']) writeFileSync(join(context, file), file);
    await daemon.box(['sleep', '600'], { Labels: { one: '1' } }, 'shared');
  });
  afterAll(async () => {
    await daemon?.dispose();
  });
}

/** Leaves out what differs for a reason: ids, times, and the clients' own names. */
export function masked(text: string, client: Client): string {
  return (
    text
      .replace(/^DEPRECATED: The legacy builder[\s\S]*?environment-variable\.\n\n?/gm, '')
      .replace(/\b[0-9a-f]{64}\b/g, 'ID')
      .replace(/\b[0-9a-f]{12}\b/g, 'ID')
      .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| ?[+-]\d\d:?\d\d( \w+)?)?/g, 'TIME')
      .replace(/(Less than a|About an?|\d+) (second|minute|hour)s?( ago)?/g, 'AGO')
      .replace(/ {2,}/g, '  ')
      // Layers that two images share go with the last of them.
      .replace(/(Deleted: sha256:ID\n)+/g, 'Deleted: sha256:ID\n')
      .replaceAll(`-${client}`, '-CLIENT')
      .replace(/\b(docker|berth): /g, 'CLIENT: ')
      .replace(/'(docker|berth) ([a-z ]+) --help'/g, "'CLIENT $2 --help'")
      .replace(/^Usage: {2}(docker|berth) /gm, 'Usage:  CLIENT ')
      .replace(/"(docker|berth) ([a-z ]+)" (requires|accepts)/g, '"CLIENT $2" $3')
      .replaceAll('to Docker daemon', 'to Berth daemon')
      // The description of a command is worded differently.
      .replace(/(Usage: .*\n\n).*\n$/, '$1')
  );
}

/** Runs one command line with a client; `@` in it is the client's name, so that each has things of its own. */
function ran(client: Client, line: string[], input = '') {
  const args = line.map((word) => word.replaceAll('@', client));
  const { status, stdout, stderr } = daemon[client](args, {
    input,
    env: { DOCKER_BUILDKIT: '0' },
    timeout: 20_000,
  });
  return { status, stdout: masked(stdout, client), stderr: masked(stderr, client) };
}

/** Runs one command line with both; fails unless they say and return the same. What docker did. */
export function expectSame(line: string | string[], input = ''): ReturnType<typeof ran> {
  const words = typeof line === 'string' ? line.split(' ') : line;
  const [docker, berth] = clients.map((client) => ran(client, words, input)) as [
    ReturnType<typeof ran>,
    ReturnType<typeof ran>,
  ];
  expect(berth).toEqual(docker);
  return docker;
}
