import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestDaemon } from '../../support/daemon.ts';
import { Registry } from '../../support/registry.ts';
import { tarOf } from '../../support/tar.ts';
import { build, context, daemon, inspect, run, withBuilds } from './setup.ts';

/* Where builds take files and steps from, and where they put what they made; expectations were taken from dockerd 26.1. */

withBuilds();

test('a Dockerfile that is not in the context is a mistake of the client', async () => {
  const type = { 'content-type': 'application/x-tar' };
  const tar = tarOf({ Dockerfile: 'FROM bb\n' });
  const { status, json } = await daemon.call('POST', '/build?dockerfile=missing', tar, type);
  expect([status, json]).toEqual([400, { message: 'Cannot locate specified Dockerfile: missing' }]);
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
