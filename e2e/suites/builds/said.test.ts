import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, context, daemon, inspect, run, withBuilds } from './setup.ts';

/* What builds say of what they were given; each expectation was taken from dockerd 26.1. */

withBuilds();

let folder: string;
let server: ChildProcess;
/** A server of files, and a repository among them. */
let url: string;
let repository: string;

// A process of its own: the stock client is waited for without serving anything here.
const SERVE = `const fs=require('fs'),path=require('path');const http=require('http').createServer((q,r)=>{
try{r.end(fs.readFileSync(path.join(process.argv[1],new URL(q.url,'http://x').pathname+(q.url.startsWith('/?')?'index':''))))}
catch{r.writeHead(404,'No such thing').end('gone')}});
http.listen(0,'127.0.0.1',()=>console.log(http.address().port))`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'said-'));
  writeFileSync(join(folder, 'index'), 'index');
  writeFileSync(join(folder, 'lone'), 'bogus x\n');
  const work = join(folder, 'work');
  execFileSync('git', ['init', '-q', '-b', 'main', work]);
  writeFileSync(join(work, 'Dockerfile'), 'FROM bb\nCOPY file /file\n');
  writeFileSync(join(work, 'file'), 'of the repository');
  execFileSync('git', ['-C', work, 'add', '.']);
  execFileSync('git', ['-C', work, '-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '-qm', 'first']);
  execFileSync('git', ['clone', '-q', '--bare', work, join(folder, 'repo.git')]);
  execFileSync('git', ['-C', join(folder, 'repo.git'), 'update-server-info']);
  server = spawn(process.execPath, ['-e', SERVE, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = (await once(server.stdout!, 'data')) as [Buffer];
  url = `http://127.0.0.1:${port.toString().trim()}`;
  repository = `${url}/repo.git`;
});
afterAll(() => {
  server?.kill();
  rmSync(folder, { recursive: true, force: true });
});

/** Builds with BuildKit from somewhere else than the folder. */
function buildFrom(remote: string): string {
  const ran = daemon.docker(['build', '-t', 'made', remote], {
    env: { DOCKER_BUILDKIT: '1', BUILDKIT_PROGRESS: 'plain' },
  });
  return `${ran.stdout}${ran.stderr}`;
}

test('a request that is refused ends at once, and not when its progress is given up', () => {
  const before = Date.now();
  expect(build('buildkit', 'FROM bb\n', '--output', 'type=nonsense')).toContain(
    'ERROR: failed to solve: exporter "nonsense" could not be found',
  );
  // It took two waits of 10 s.
  expect(Date.now() - before).toBeLessThan(15_000);
});

test('a context from elsewhere is one step, which says what it is and why it failed', () => {
  const said = buildFrom(repository);
  expect(said).toContain(`[internal] load git source ${repository}`);
  expect(said).not.toContain('load build definition');
  expect(run('cat', '/file')).toBe('of the repository');
  expect(buildFrom(`${repository}#nosuch`)).toContain(
    'failed to solve: failed to read dockerfile: failed to load cache key: repository does not contain ref nosuch, output: ""',
  );
  expect(buildFrom(`${repository}#main:nosuch`)).toContain(
    'failed to solve: failed to read dockerfile: invalid subdir /nosuch: ',
  );
  const missing = buildFrom(`${url}/nosuch`);
  expect(missing).toContain('[internal] load remote build context');
  expect(missing).toContain(
    'failed to solve: failed to read downloaded context: failed to load cache key: invalid response status 404',
  );
  const lone = buildFrom(`${url}/lone`);
  expect(lone).toContain('context:1');
  expect(lone).toContain('unknown instruction: bogus');
});

test('the title of a COPY has its words as they are meant, its history the flags in one order', () => {
  mkdirSync(join(context, 'd'), { recursive: true });
  writeFileSync(join(context, 'd', 'a b'), '');
  const said = build(
    'buildkit',
    'FROM bb\nARG V=v\nCOPY --link --chmod=700 --chown=1:2 ["d/a b", "/$V/$UNSET/x y"]\nWORKDIR "/w $V"\nRUN echo "$V" $UNSET\n',
  );
  expect(said).toContain('] COPY --link --chmod=700 --chown=1:2 [d/a b, /v//x y]\n');
  expect(said).toContain('] WORKDIR /w v\n');
  expect(said).toContain('] RUN echo "v" $UNSET\n');
  const steps = daemon.succeeds('history', '--no-trunc', '--format', '{{.CreatedBy}}', 'made').split('\n');
  expect(steps[2]).toBe('COPY --chown=1:2 --chmod=700 d/a b /v//x y # buildkit');
});

test('what is fetched from an address without a name has one; a wrong checksum is shown at no line', () => {
  build('buildkit', `FROM bb\nADD ${url}/?a /x/\n`);
  expect(run('cat', '/x/__unnamed__')).toBe('index');
  const sum = 'a'.repeat(64);
  const said = build('buildkit', `FROM bb\nADD --checksum=sha256:${sum} ${url}/lone /x\n`);
  expect(said).toMatch(new RegExp(`failed to solve: digest mismatch sha256:[0-9a-f]{64}: sha256:${sum}`));
  expect(said).not.toContain('>>> ADD');
});

test('a short name of a FROM is a name, and not the beginning of an id', () => {
  const id = inspect('{{.Id}}', 'bb').slice('sha256:'.length, 'sha256:'.length + 8);
  const said = build('buildkit', `FROM ${id}\nRUN true\n`);
  expect(said).toContain(`${id}: failed to resolve source metadata for docker.io/library/${id}:latest`);
  build('classic', `FROM ${id}\nLABEL by=id\n`);
  expect(inspect('{{.Config.Labels.by}}')).toBe('id');
});

test('an image that is not there may be a stage or a known image, misspelt', () => {
  const tail = (dockerfile: string) => build('buildkit', dockerfile).trim().split('\n').at(-1);
  expect(tail('FROM bb AS base\nFROM bas\n')).toMatch(/ \(did you mean base\?\)$/);
  expect(tail('FROM bb AS base\nFROM bb\nCOPY --from=bas /x /\n')).toMatch(/ \(did you mean base\?\)$/);
  expect(tail('FROM alpin\n')).toMatch(/ \(did you mean alpine\?\)$/);
});

test.each([
  [
    'FROM bb AS a\nCOPY --from=b /x /\nFROM bb AS b\nCOPY --from=a /x /\nFROM b',
    'circular dependency detected on stage: a',
  ],
  [
    'FROM bb AS a\nRUN --mount=from=b,target=/x true\nFROM bb AS b\nFROM a',
    'cannot mount from stage "b" to "/x", stage needs to be defined before current command',
  ],
  [
    'FROM bb AS s\nFROM bb\nARG S=s\nCOPY --from=$S /etc /e',
    'failed to parse stage name "$S": invalid reference format',
  ],
  ['FROM bb\nRUN []', 'failed to solve: failed to marshal LLB definition: arguments are required'],
  [
    `FROM bb\nADD --checksum=sha256:${'a'.repeat(64)} f /`,
    "checksum can't be specified for non-HTTP sources",
  ],
])('BuildKit refuses %j', (dockerfile, message) => {
  expect(build('buildkit', `${dockerfile}\n`)).toContain(message);
});

test.each([
  [
    'FROM bb AS s\nFROM bb\nARG S=s\nCOPY --from=$S /etc /e',
    'invalid from flag value $S: invalid reference format',
  ],
  ['FROM bb\nRUN --security=insecure true', 'dockerfile parse error on line 2: unknown flag: security'],
  ['FROM bb\nHEALTHCHECK --interval=1 CMD x', 'time: missing unit in duration "1"'],
  ['FROM bb\nHEALTHCHECK --interval=1x CMD x', 'time: unknown unit "x" in duration "1x"'],
  ['FROM bb\nRUN [""]', 'exec: "": executable file not found in $PATH'],
  ['FROM ${X', 'Step 1/1 : FROM ${X'],
])('the classic builder refuses %j', (dockerfile, message) => {
  // A step of the same text, of which nothing is taken.
  build('classic', 'FROM bb\nRUN []\n');
  expect(build('classic', `${dockerfile}\n`)).toContain(message);
});

test('words with blanks in them are another step than several words; an empty platform is none', () => {
  build('classic', 'FROM --platform= bb\nRUN ["sh","-c","echo $0 >/f","a b"]\n');
  expect(run('cat', '/f')).toBe('a b');
  build('classic', 'FROM bb\nRUN ["sh","-c","echo $0 >/f","a","b"]\n');
  expect(run('cat', '/f')).toBe('a');
});

test('an empty stage can be copied from: there is nothing', () => {
  expect(build('buildkit', 'FROM bb\nCOPY --from=scratch / /x\nRUN ls -A /x >/f\n')).toContain('naming to');
  expect(run('cat', '/f')).toBe('');
});

test('scratch is no image to pull; an import says in what words a server refused', () => {
  expect(daemon.docker(['pull', 'scratch']).stderr).toContain("'scratch' is a reserved name");
  expect(daemon.docker(['import', `${url}/nosuch`, 'x']).stderr).toContain(
    `failed to GET ${url}/nosuch with status 404 No such thing: gone`,
  );
});
