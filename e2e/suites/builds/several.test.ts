import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { actionsCache } from '../../support/actions-cache.ts';
import { TestDaemon, until } from '../../support/daemon.ts';
import { Registry } from '../../support/registry.ts';

// Images of several platforms and what is said about them, places for caches and results, the history, and the checks.

let daemon: TestDaemon;
let registry: Registry;
let folder: string;
beforeAll(async () => {
  daemon = await TestDaemon.start();
  folder = mkdtempSync(join(tmpdir(), 'several-'));
  registry = await Registry.start(join(folder, 'registry'));
});
afterAll(async () => {
  await registry?.stop();
  await daemon?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const BOTH = ['--platform', 'linux/amd64,linux/arm64'];
const FOR_EACH = 'FROM scratch\nARG TARGETARCH\nCOPY f /$TARGETARCH\n';

/** Writes a context; returns its folder. */
function context(dockerfile: string): string {
  const made = mkdtempSync(join(folder, 'context-'));
  writeFileSync(join(made, 'Dockerfile'), dockerfile);
  writeFileSync(join(made, 'f'), 'x');
  return made;
}

/** Runs a command that is to do well; returns what it printed. */
function docker(...args: string[]): string {
  const { status, stdout, stderr } = daemon.docker(args, { env: { BUILDKIT_PROGRESS: 'plain' } });
  if (status !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}
const buildx = (...args: string[]) => docker('buildx', 'build', ...args);
const berth = (...args: string[]) => daemon.output(args);
const parts = async (name: string) =>
  (await daemon.call('GET', `/v1.52/images/${encodeURIComponent(name)}/json?manifests=1`)).json.Manifests.map(
    // biome-ignore lint/suspicious/noExplicitAny: a reply
    ({ Kind, Available, ImageData, AttestationData }: any) => [
      Kind,
      Available,
      ImageData?.Platform.architecture ?? (AttestationData?.For ? 'about' : ''),
    ],
  );
const WHOLE = [
  ['image', true, 'amd64'],
  ['image', true, 'arm64'],
  ['attestation', true, 'about'],
  ['attestation', true, 'about'],
];

test('an image of two platforms with its provenance: built, saved, loaded, pushed and pulled as one', async () => {
  buildx(...BOTH, '--provenance=mode=max', '-t', 'both', context(FOR_EACH));
  expect(await parts('both')).toEqual(WHOLE);
  const architecture = async (platform: string) =>
    (
      await daemon.call(
        'GET',
        `/v1.49/images/both/json?platform=${encodeURIComponent(JSON.stringify({ os: 'linux', architecture: platform }))}`,
      )
    ).json.Architecture;
  expect([await architecture('amd64'), await architecture('arm64')]).toEqual(['amd64', 'arm64']);

  docker('create', '--name', 'other', '--platform', 'linux/arm64', 'both', 'true');
  expect(docker('ps', '-a', '--filter', 'name=other', '--format', '{{.Image}}')).toBe('both');
  docker('rm', 'other');

  const archive = join(folder, 'both.tar');
  docker('save', '-o', archive, 'both');
  docker('rmi', 'both');
  expect(readdirSync(join(daemon.folder, 'data/images/attestations'))).toEqual([]);
  docker('load', '-i', archive);
  expect(await parts('both')).toEqual(WHOLE);

  const name = `${registry.host}/both:1`;
  docker('tag', 'both', name);
  docker('push', '-q', name);
  const accept = { accept: 'application/vnd.oci.image.index.v1+json' };
  // biome-ignore lint/suspicious/noExplicitAny: a reply
  const json = async (path: string, headers = {}): Promise<any> =>
    (await fetch(`http://${registry.host}/v2/both/${path}`, { headers })).json();
  const index = await json('manifests/1', accept);
  expect(
    index.manifests.map(({ platform }: { platform: { architecture: string } }) => platform.architecture),
  ).toEqual(['amd64', 'arm64', 'unknown', 'unknown']);
  expect(index.manifests[2].annotations).toEqual({
    'vnd.docker.reference.digest': index.manifests[0].digest,
    'vnd.docker.reference.type': 'attestation-manifest',
  });
  const about = await json(`manifests/${index.manifests[2].digest}`, {
    accept: 'application/vnd.oci.image.manifest.v1+json',
  });
  expect(await json(`blobs/${about.layers[0].digest}`)).toMatchObject({
    predicateType: 'https://slsa.dev/provenance/v0.2',
    subject: [{ digest: { sha256: index.manifests[0].digest.slice(7) } }],
    predicate: { invocation: { configSource: { entryPoint: 'Dockerfile' } } },
  });

  docker('rmi', 'both', name);
  docker('pull', '-q', name);
  expect(await parts(name)).toEqual([
    ['image', true, 'amd64'],
    ['image', false, 'arm64'],
    ['attestation', true, 'about'],
    ['attestation', false, 'about'],
  ]);
});

test('a scanner image says what an image holds; both kinds of statements go beside files, too', async () => {
  const scanner = context('FROM bb\nCOPY scan /scan\nENTRYPOINT ["/bin/sh", "/scan"]\n');
  writeFileSync(
    join(scanner, 'scan'),
    'echo "{\\"predicateType\\":\\"https://spdx.dev/Document\\",\\"predicate\\":{\\"files\\":\\"$(ls $BUILDKIT_SCAN_SOURCE)\\"}}" >$BUILDKIT_SCAN_DESTINATION/sbom.json\n',
  );
  buildx('-q', '-t', 'scanner', scanner);
  const out = join(folder, 'out');
  buildx(...BOTH, '--sbom=generator=scanner', '--provenance=true', '-o', out, context(FOR_EACH));
  expect(readdirSync(join(out, 'linux_arm64')).sort()).toEqual([
    'arm64',
    'provenance.json',
    'sbom.spdx.json',
  ]);
  const { predicate } = JSON.parse(readFileSync(join(out, 'linux_arm64/sbom.spdx.json'), 'utf8'));
  expect(predicate).toEqual({ files: 'arm64' });
});

test('push=true of an exporter pushes, whoever asks', async () => {
  const tar = spawnSync('tar', ['-c', '-C', context(FOR_EACH), '.']).stdout;
  const outputs = [{ Type: 'image', Attrs: { name: `${registry.host}/plain:1`, push: 'true' } }];
  const query = `version=2&outputs=${encodeURIComponent(JSON.stringify(outputs))}`;
  const { status, text } = await daemon.call('POST', `/v1.45/build?${query}`, tar, {
    'content-type': 'application/x-tar',
  });
  expect([status, text.includes('"error"')]).toEqual([200, false]);
  expect(await (await fetch(`http://${registry.host}/v2/plain/tags/list`)).json()).toMatchObject({
    tags: ['1'],
  });
});

test('the same inputs are the same bytes', () => {
  const made = context('FROM bb\nRUN date +%N >/dev/null; touch /now; mkdir /made\nCOPY f /f\n');
  const build = (name: string) => {
    const file = join(folder, name);
    const oci = `type=oci,dest=${file},rewrite-timestamp=true`;
    berth('build', '--no-cache', '--build-arg', 'SOURCE_DATE_EPOCH=1000000000', '-o', oci, made);
    return readFileSync(file);
  };
  const first = build('first.tar');
  spawnSync('sleep', ['1.1']);
  expect(build('second.tar').equals(first)).toBe(true);
});

test('a cache and an OCI layout in folders of the client, of both clients', () => {
  const made = context('FROM bb\nRUN cat /proc/sys/kernel/random/uuid >/u\n');
  for (const build of [buildx, (...args: string[]) => berth('build', ...args)]) {
    const cache = mkdtempSync(join(folder, 'cache-'));
    build('--no-cache', '--cache-to', `type=local,dest=${cache}`, '-t', 'first', made);
    const id = docker('image', 'inspect', '-f', '{{.RootFS.Layers}}', 'first');
    docker('builder', 'prune', '-af');
    build('--cache-from', `type=local,src=${cache}`, '-t', 'second', made);
    expect(docker('image', 'inspect', '-f', '{{.RootFS.Layers}}', 'second')).toBe(id);
    const layout = mkdtempSync(join(folder, 'layout-'));
    build('-o', `type=oci,dest=${layout},tar=false`, made);
    const { manifests } = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
    expect(manifests).toHaveLength(1);
    expect(readdirSync(join(layout, 'blobs/sha256'))).toContain(manifests[0].digest.slice('sha256:'.length));
  }
});

test('a cache in the service of GitHub Actions', async () => {
  const { server, entries } = actionsCache();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const made = context('FROM bb\nRUN cat /proc/sys/kernel/random/uuid >/u\n');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const cache = (token: string) => `type=gha,url_v2=${url},token=${token},scope=test`;
    const build = async (...args: string[]) => {
      // The server answers in this process: the client must not hold it up.
      const { spawn } = await import('node:child_process');
      const { dist } = await import('../../support/daemon.ts');
      const child = spawn(join(dist, 'berth'), ['build', ...args, made], {
        env: {
          ...process.env,
          DOCKER_HOST: `unix://${daemon.socket}`,
          BERTH_HOST: `unix://${daemon.socket}`,
        },
      });
      let said = '';
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (bytes: Buffer) => (said += bytes));
      const status = await new Promise<number>((resolve) => child.once('close', resolve));
      return { status, said };
    };
    expect((await build('--cache-to', cache('wrong'))).said).toContain('who are you?');
    expect((await build('--no-cache', '--cache-to', cache('secret'), '-t', 'first')).status).toBe(0);
    expect([...entries.keys()].some((key) => key.startsWith('berth-index-'))).toBe(true);
    const id = docker('image', 'inspect', '-f', '{{.RootFS.Layers}}', 'first');
    docker('builder', 'prune', '-af');
    expect((await build('--cache-from', cache('secret'), '-t', 'second')).said).toContain('CACHED');
    expect(docker('image', 'inspect', '-f', '{{.RootFS.Layers}}', 'second')).toBe(id);
  } finally {
    server.close();
  }
});

test('the checks of a Dockerfile, its targets and parameters', () => {
  const made = context(
    '# base the lowest one\nFROM scratch AS base\n# VERSION what it is\nARG VERSION=1\nWORKDIR here\nENV SECRET $NONE\nfrom base As Last\nRUN --mount=type=secret,id=key,required true\nCMD run\n',
  );
  const found = daemon.berth(['build', '--call=check,format=json', made]);
  expect(found.status).toBe(1);
  const { warnings } = JSON.parse(found.stdout);
  expect(
    warnings
      .map(
        ({
          ruleName,
          location,
        }: {
          ruleName: string;
          location: { ranges: Array<{ start: { line: number } }> };
        }) => [location.ranges[0]!.start.line, ruleName],
      )
      .sort(),
  ).toEqual([
    [5, 'WorkdirRelativePath'],
    [6, 'LegacyKeyValueFormat'],
    [6, 'SecretsUsedInArgOrEnv'],
    [6, 'UndefinedVar'],
    [7, 'ConsistentInstructionCasing'],
    [7, 'FromAsCasing'],
    [7, 'StageNameCasing'],
    [9, 'JSONArgsRecommended'],
  ]);
  expect(daemon.berth(['build', '--check', context('FROM scratch\nCOPY f /\n')]).stdout).toBe(
    'Check complete, no warnings found.\n',
  );
  expect(berth('build', '--call=targets', made)).toBe(
    'TARGET         DESCRIPTION\nbase           the lowest one\nlast (default)',
  );
  expect(JSON.parse(berth('build', '--call=outline,format=json', made))).toMatchObject({
    name: 'last',
    args: [{ name: 'VERSION', value: '1', description: 'what it is' }],
    secrets: [{ name: 'key', required: true }],
  });
  const strict = context('# check=error=true\nFROM scratch\nMAINTAINER me\n');
  expect(daemon.docker(['buildx', 'build', strict]).stderr).toContain(
    'lint violation found for rules: MaintainerDeprecated',
  );
});

test('builds that ended are remembered, over a restart', async () => {
  const made = context('FROM bb\nRUN echo remembered\n');
  berth('build', '-q', '--no-cache', made);
  const folders = () => readdirSync(join(daemon.folder, 'data/build/history'));
  await until('the build to be written', () => folders().length > 0);
  const kept = folders().length;
  await daemon.down();
  await daemon.up();
  daemon.berth(['build', '-q', '--no-cache', made]);
  await until('the second build to be written', () => folders().length > kept);
});
