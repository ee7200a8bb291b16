import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { TestDaemon } from '../support/daemon.ts';
import { busyboxTar } from '../support/images.ts';
import { Registry } from '../support/registry.ts';

/* The results of builds beside dockerd 26.1's; each expectation was taken from it. */

let daemon: TestDaemon;
let context: string;
beforeAll(async () => {
  daemon = await TestDaemon.start();
  context = mkdtempSync(join(tmpdir(), 'builds-'));
});
afterAll(async () => {
  await daemon?.dispose();
  rmSync(context, { recursive: true, force: true });
});

/** Builds by one of the two builders; what it says. */
function build(builder: 'classic' | 'buildkit', dockerfile: string, ...args: string[]): string {
  writeFileSync(join(context, 'Dockerfile'), dockerfile);
  const ran = daemon.docker(['build', '-t', 'made', ...args, context], {
    env: { DOCKER_BUILDKIT: builder === 'buildkit' ? '1' : '0', BUILDKIT_PROGRESS: 'plain' },
  });
  return `${ran.stdout}${ran.stderr}`;
}

const inspect = (format: string, image = 'made') =>
  daemon.docker(['image', 'inspect', '-f', format, image]).stdout.trim();
const run = (...command: string[]) => daemon.docker(['run', '--rm', 'made', ...command]).stdout.trim();

test.each(['classic', 'buildkit'] as const)('%s: the order of labels makes no other image', (builder) => {
  const dockerfile = 'FROM bb\nVOLUME /b /a\nENV A=1\n';
  build(builder, dockerfile, '--label', 'b=2', '--label', 'a=1', '--label', 'c=3');
  const id = inspect('{{.Id}}');
  for (let again = 0; again < 3; again++) {
    build(builder, dockerfile, '--label', 'c=3', '--label', 'a=1', '--label', 'b=2');
    expect(inspect('{{.Id}}')).toBe(id);
  }
  expect(inspect('{{json .Config.Labels}}')).toBe('{"a":"1","b":"2","c":"3"}');
});

test('SOURCE_DATE_EPOCH is the time of all that a build makes, and makes the same image again', () => {
  writeFileSync(join(context, 'a'), 'x');
  const dockerfile = 'FROM scratch\nCOPY a /new/dir/\nWORKDIR /w\nLABEL a=b\n';
  const args = ['--no-cache', '--build-arg', 'SOURCE_DATE_EPOCH=1700000000'];
  build('buildkit', dockerfile, ...args);
  const id = inspect('{{.Id}}');
  expect(inspect('{{.Created}}')).toBe('2023-11-14T22:13:20Z');
  build('buildkit', dockerfile, ...args);
  expect(inspect('{{.Id}}')).toBe(id);
  expect(build('buildkit', dockerfile, '--build-arg', 'SOURCE_DATE_EPOCH=now')).toContain(
    'invalid SOURCE_DATE_EPOCH: now',
  );
});

test('each step of a BuildKit build is a layer, empty ones too; of the classic one those that change something', () => {
  const dockerfile = 'FROM bb\nRUN true\nWORKDIR /tmp\nRUN true\nENV a=b\n';
  build('buildkit', dockerfile);
  expect(inspect('{{len .RootFS.Layers}}')).toBe('4');
  expect(run('sh', '-c', 'echo runs')).toBe('runs');
  build('classic', dockerfile);
  expect(inspect('{{len .RootFS.Layers}}')).toBe('1');
});

test('setuid bits: BuildKit keeps them, the classic builder loses them as the file changes hands', () => {
  const tool = join(context, 'tool');
  writeFileSync(tool, 'x', { mode: 0o755 });
  const dockerfile =
    'FROM bb AS one\nCOPY tool /t\nRUN chmod 4755 /t\nFROM bb\nCOPY --from=one /t /kept\nCOPY --from=one --chown=3:4 /t /given\n';
  for (const [builder, given] of [
    ['classic', '755'],
    ['buildkit', '4755'],
  ] as const) {
    build(builder, dockerfile);
    expect(run('stat', '-c', '%a %u:%g', '/kept', '/given')).toBe(`4755 0:0\n${given} 3:4`);
  }
});

test('--chown by a user alone: its own group with BuildKit, the group of its name with the classic builder', () => {
  writeFileSync(join(context, 'a'), 'x');
  const root = (group: string) =>
    `FROM bb\nRUN echo 'u:x:1000:1001::/:' >>/etc/passwd; echo '${group}:x:50:' >>/etc/group\nCOPY --chown=u a /a\n`;
  build('buildkit', root('u'));
  expect(run('stat', '-c', '%u:%g', '/a')).toBe('1000:1001');
  build('classic', root('u'));
  expect(run('stat', '-c', '%u:%g', '/a')).toBe('1000:50');
  expect(build('classic', root('other'))).toContain("can't find gid for group u: no such group: u");
});

test('COPY --from takes no image of another platform', () => {
  writeFileSync(join(context, 'a'), 'x');
  build('buildkit', 'FROM scratch\nCOPY a /a\n', '--platform', 'linux/s390x', '-t', 'other:1');
  expect(build('buildkit', 'FROM bb\nCOPY --from=other:1 /a /x/\n')).toMatch(
    /other:1: failed to resolve source metadata/,
  );
  expect(
    build('buildkit', 'FROM scratch\nCOPY --from=other:1 /a /x/\n', '--platform', 'linux/s390x'),
  ).not.toContain('ERROR');
});

test('an ADD of a broken archive fails with what is wrong with it', () => {
  writeFileSync(join(context, 'b.tgz'), gzipSync(busyboxTar().subarray(0, 4096)).subarray(0, 200));
  const dockerfile = 'FROM bb\nADD b.tgz /x/\n';
  expect(build('classic', dockerfile)).toMatch(/^failed to copy files: unexpected EOF$/m);
  expect(build('buildkit', dockerfile)).toMatch(/failed to solve: unexpected EOF$/m);
});

test('each step of a classic build that runs nothing has its container, which events tell of and --rm=false keeps', async () => {
  const shown = async (...args: string[]) => {
    const since = Date.now() / 1000;
    const said = build(
      'classic',
      'FROM bb\nLABEL step=shown\nCOPY Dockerfile /\nWORKDIR /w\n',
      '--no-cache',
      ...args,
    );
    const filters = encodeURIComponent(JSON.stringify({ label: ['step=shown'], type: ['container'] }));
    const { text } = await daemon.call(
      'GET',
      `/events?since=${since}&until=${Date.now() / 1000}&filters=${filters}`,
    );
    const told = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const ids = [...said.matchAll(/Running in (\w+)/g)].map(([, id]) => id);
    return { ids, told: told.map(({ Action, Actor }) => [Action, Actor.ID.slice(0, 12)]) };
  };
  const { ids, told } = await shown();
  expect(ids).toHaveLength(2);
  expect(told).toEqual(
    ids.flatMap((id) => [
      ['create', id],
      ['destroy', id],
    ]),
  );
  const kept = await shown('--rm=false');
  expect(kept.told).toEqual(kept.ids.map((id) => ['create', id]));
  const commands = kept.ids.map((id) =>
    daemon.docker(['inspect', '-f', '{{.Config.Cmd}}', id!]).stdout.trim(),
  );
  expect(commands).toEqual(['[/bin/sh -c #(nop)  LABEL step=shown]', '[/bin/sh -c #(nop) WORKDIR /w]']);
  daemon.docker(['rm', ...kept.ids.map((id) => id!)]);
});

test.each([
  ['COPY --from=7 a /', 'invalid stage index 7'],
  ['COPY --from=0 a /', 'circular dependency detected on stage: stage-0'],
  ['COPY --form=x a /', 'unknown flag: form (did you mean from?)'],
  ['RUN --mount=type=cash,target=/x true', 'unsupported mount type "cash" (did you mean cache?)'],
  ['ADD --checksum=sha256:00 http://127.0.0.1:1/x /', 'invalid checksum digest length'],
  ['CMD [1]', 'when using JSON array syntax, arrays must be comprised of strings only'],
])('%s is refused before anything runs', (line, message) => {
  const said = build('buildkit', `FROM bb\nRUN echo ran-$((40+2))\n${line}\n`);
  expect(said).toContain(message);
  expect(said).not.toContain('ran-42');
});

test('an ADD of a URL goes through the proxy that the daemon was given', async () => {
  // A process of its own: the stock client is waited for without serving anything here.
  const code =
    "const http=require('http').createServer((q,r)=>r.end('asked '+q.url));http.listen(0,'127.0.0.1',()=>console.log(http.address().port))";
  const proxy = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  let proxied: TestDaemon | undefined;
  try {
    const [port] = (await once(proxy.stdout, 'data')) as [Buffer];
    proxied = await TestDaemon.start(['--http-proxy', `http://127.0.0.1:${port.toString().trim()}`]);
    writeFileSync(join(context, 'Dockerfile'), 'FROM bb\nADD http://nowhere.invalid/file /f\n');
    const env = { DOCKER_BUILDKIT: '1' };
    proxied.docker(['build', '-t', 'made', context], { env });
    const { stdout } = proxied.docker(['run', '--rm', '--network', 'none', 'made', 'cat', '/f']);
    expect(stdout).toBe('asked http://nowhere.invalid/file');
  } finally {
    await proxied?.dispose();
    proxy.kill();
  }
});

test('steps are taken from caches in a registry: of an image, and of all stages; what is not there is told', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cache-'));
  const registry = await Registry.start(folder);
  const other = await TestDaemon.start();
  try {
    writeFileSync(join(context, 'a'), 'x');
    const uuid = 'RUN cat /proc/sys/kernel/random/uuid';
    const dockerfile = `FROM bb AS one\n${uuid} >/one\nFROM bb\nCOPY a /a\n${uuid} >/u\nCOPY --from=one /one /one\n`;
    const image = `${registry.host}/cache:inline`;
    build('buildkit', dockerfile, '-t', image, '--build-arg', 'BUILDKIT_INLINE_CACHE=1');
    daemon.docker(['push', '-q', image]);
    const made = run('cat', '/u', '/one');
    const all = `type=registry,ref=${registry.host}/cache:all`;
    daemon.berth(['build', '--cache-to', `${all},mode=max`, context]);
    const elsewhere = (...args: string[]) => {
      const env = { DOCKER_BUILDKIT: '1', BUILDKIT_PROGRESS: 'plain' };
      const ran = other.docker(['build', '-t', 'made', ...args, context], { env });
      return `${ran.stdout}${ran.stderr}`;
    };
    const cached = (text: string) => text.match(/CACHED/g)?.length ?? 0;
    const found = (...command: string[]) => other.docker(['run', '--rm', 'made', ...command]).stdout.trim();

    const missing = elsewhere('--cache-from', `${registry.host}/no/such:1`, '--target', 'one');
    expect(missing).toContain(`importing cache manifest from ${registry.host}/no/such:1`);
    expect(missing).toContain(
      `ERROR: failed to configure registry cache importer: ${registry.host}/no/such:1: not found`,
    );
    other.docker(['builder', 'prune', '-af']);
    // The image has the layers of its own stage alone.
    expect(cached(elsewhere('--cache-from', image))).toBe(2);
    expect(found('cat', '/u')).toBe(made.split('\n')[0]);
    other.docker(['builder', 'prune', '-af']);
    expect(cached(elsewhere('--cache-from', all))).toBe(4);
    expect(found('cat', '/u', '/one')).toBe(made);

    expect(elsewhere('--cache-from', 'type=s3,bucket=a,region=b')).toContain('unknown cache importer: s3');
    expect(daemon.berth(['build', '--cache-to', 'type=gha', context]).stderr).toContain(
      'url not set for actions cache',
    );
  } finally {
    await other.dispose();
    await registry.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a here-document with its own interpreter is a program that the shell runs; the classic builder reads none', () => {
  const dockerfile = 'FROM bb\nRUN <<EOF\n#!/bin/sh -e\necho $0\nfalse\necho never\nEOF\n';
  const said = build('buildkit', dockerfile, '--no-cache');
  expect(said).toContain('[internal] preparing inline document');
  expect(said).toMatch(/ \/dev\/pipes\/EOF$/m);
  expect(said).toContain('process "/bin/sh -c /dev/pipes/EOF" did not complete successfully: exit code: 1');
  expect(said).not.toMatch(/[0-9] never/);
  expect(build('buildkit', 'FROM bb\nRUN echo "a" && exit 3\n')).toContain(
    'process "/bin/sh -c echo \\"a\\" && exit 3" did not complete',
  );
  build('classic', 'FROM bb\nRUN <<EOF cat >/q\ntext\nEOF\n');
  expect(run('cat', '/q')).toBe('');
});

test.each([
  ['source=nosuch,target=/x', /failed to calculate checksum of ref \S+: "\/nosuch": not found/],
  ['type=cache,target=/x,from=bb,source=/nosuch', /did not complete successfully: open \/nosuch: no such/],
])('a mount of what is not there (%s) is the failure of its step', (mount, message) => {
  const said = build('buildkit', `FROM bb\nRUN --mount=${mount} true\n`);
  expect(said).toMatch(new RegExp(`^#\\d+ ERROR: .*${message.source}`, 'm'));
  expect(said).toMatch(new RegExp(`failed to solve: .*${message.source}`));
});

test('a classic VOLUME over a file is refused', () => {
  expect(build('classic', 'FROM bb\nRUN touch /f\nVOLUME /f /bin\n')).toContain(
    'cannot mount volume over existing file, file exists /f',
  );
  expect(build('classic', 'FROM bb\nVOLUME /new /bin\n')).toContain('Successfully built');
});

test('an image as an archive: for Docker and as an OCI layout, none of it kept; what it is not is refused', () => {
  writeFileSync(join(context, 'a'), 'x');
  writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\nCOPY a /archived\n');
  const berth = (...args: string[]) => daemon.berth(['build', ...args, context]);
  for (const [format, here] of [
    ['docker', 'Loaded image: archived:1'],
    ['oci', 'Loaded image'],
  ] as const) {
    const file = join(context, `${format}.tar`);
    expect(berth('-o', `type=${format},dest=${file}`, '-t', 'archived:1').status).toBe(0);
    expect(inspect('{{.Id}}', 'archived:1')).toBe('');
    expect(daemon.docker(['load', '-i', file]).stdout).toContain(here);
    daemon.docker(['rmi', 'archived:1']);
    rmSync(file);
  }
  for (const [args, message] of [
    [['-o', 'type=oci,dest=x.tar,compression=zstd'], 'compression=zstd is not supported'],
    [['-o', 'type=image,rewrite-timestamp=true'], 'give the build argument SOURCE_DATE_EPOCH'],
    [['-o', 'type=nosuch'], 'exporter "nosuch" could not be found'],
    [['--provenance=mode=some'], 'invalid provenance mode "some"'],
    [['--attest', 'type=oath'], 'unsupported attestation type "oath"'],
    [['--platform', 'linux/amd64,none/such/thing/ever'], 'failed to parse target platform'],
  ] as const)
    expect(berth(...args).stderr).toContain(message);
});

test('ADD of a Git repository: the files of a commit, or of a folder in it; what it does not have is told', async () => {
  const repository = mkdtempSync(join(tmpdir(), 'git-'));
  const git = (...args: string[]) =>
    spawnSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', '-C', repository, ...args]);
  let server: ChildProcess | undefined;
  try {
    git('init', '-q', '-b', 'main');
    mkdirSync(join(repository, 'sub'));
    writeFileSync(join(repository, 'file'), 'one');
    writeFileSync(join(repository, 'sub/inner'), 'two');
    git('add', '-A');
    git('commit', '-qm', 'm');
    git('tag', 'v1');
    git('update-server-info');
    // Plain files: what git calls a dumb server.
    const code =
      "const fs=require('fs');const s=require('http').createServer((q,r)=>{try{r.end(fs.readFileSync(process.argv[1]+'/.git'+q.url.split('?')[0].replace('/r.git','')))}catch{r.statusCode=404;r.end()}});s.listen(0,'127.0.0.1',()=>console.log(s.address().port))";
    server = spawn(process.execPath, ['-e', code, repository], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [port] = (await once(server.stdout!, 'data')) as [Buffer];
    const url = `http://127.0.0.1:${port.toString().trim()}`;
    const add = (what: string, flags = '') => build('buildkit', `FROM bb\nADD ${flags}${url}/${what} /g\n`);
    add('r.git');
    expect(run('cat', '/g/file', '/g/sub/inner')).toBe('onetwo');
    expect(run('ls', '-A', '/g')).toBe('file\nsub');
    add('r.git#v1:sub');
    expect(run('ls', '-A', '/g')).toBe('inner');
    add('r.git', '--keep-git-dir=true ');
    expect(run('ls', '-A', '/g')).toBe('.git\nfile\nsub');
    expect(add('r.git#none')).toContain('repository does not contain ref none, output: ""');
    expect(add('r.git#:none')).toContain('invalid subdir /none');
    expect(add('q.git')).toContain(`error fetching default branch for repository ${url}/q.git`);
  } finally {
    server?.kill();
    rmSync(repository, { recursive: true, force: true });
  }
});

test('a cache mount: --no-cache begins it anew once, a private one that nobody uses is the one there was', () => {
  const write = (text: string, then = '') =>
    `FROM bb\nRUN --mount=type=cache,target=/c,id=${process.pid} echo ${text} >/c/${text}\n${then}`;
  build('buildkit', write('one'));
  const list = `RUN --mount=type=cache,target=/c,id=${process.pid},sharing=private ls /c >/list\n`;
  build('buildkit', write('two', list));
  expect(run('cat', '/list')).toBe('one\ntwo');
  build('buildkit', write('three', list), '--no-cache');
  expect(run('cat', '/list')).toBe('three');
});

test('a stage stands on a named context: a folder of the client, or another image', () => {
  const folder = mkdtempSync(join(tmpdir(), 'named-'));
  try {
    writeFileSync(join(folder, 'own'), 'x');
    writeFileSync(join(folder, 'left'), 'x');
    writeFileSync(join(folder, '.dockerignore'), 'left\n');
    writeFileSync(join(context, 'a'), 'x');
    const dockerfile = 'FROM base\nCOPY a /added\n';
    const said = build(
      'buildkit',
      dockerfile,
      '--build-context',
      `base=${folder}`,
      '-o',
      join(folder, 'out'),
    );
    expect(said).toContain('[context base] load from client');
    expect(said).toContain('[1/2] COPY a /added');
    expect(readdirSync(join(folder, 'out')).sort()).toEqual(['.dockerignore', 'added', 'own']);
    expect(build('buildkit', dockerfile, '--build-context', 'base=docker-image://bb')).toContain(
      '[context base] bb\n',
    );
    expect(run('ls', '/added')).toBe('/added');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('the title of a step shows variables, and quoted ones without their escapes', () => {
  const said = build(
    'buildkit',
    'FROM bb\nARG V=val\nRUN : a\\\\ \\$HOME "in \\"q\\" \\n" \'as \\" $V\' $V $NO ${NO:-d}\n',
  );
  expect(said).toContain('RUN : a\\ $HOME "in "q" \\n" \'as \\" $V\' val $NO ${NO:-d}\n');
});
