import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestDaemon } from '../../support/daemon.ts';

// Steps of BuildKit's builds in their finer points; each expectation was taken from dockerd 26.1.

let daemon: TestDaemon;
let context: string;
beforeAll(async () => {
  daemon = await TestDaemon.start();
  context = mkdtempSync(join(tmpdir(), 'steps-'));
});
afterAll(async () => {
  await daemon?.dispose();
  rmSync(context, { recursive: true, force: true });
});

/** Builds `made`; returns what the build said. */
function build(...lines: string[]): string {
  writeFileSync(join(context, 'Dockerfile'), ['FROM bb', ...lines, ''].join('\n'));
  const { stdout, stderr } = daemon.docker(['build', '-t', 'made', context], {
    env: { DOCKER_BUILDKIT: '1', BUILDKIT_PROGRESS: 'plain' },
  });
  return stdout + stderr;
}

const run = (...command: string[]) => daemon.succeeds('run', '--rm', 'made', ...command);

test('the history of RUN names the arguments as they were declared, with the values they have there', () => {
  build('ARG B=1', 'ARG A=2 C TARGETOS', 'ENV A=7', 'ARG D= B=3', 'RUN true');
  const [step] = daemon.succeeds('history', '--no-trunc', '--format', '{{.CreatedBy}}', 'made').split('\n');
  expect(step).toBe('RUN |6 B=3 A=7 C= TARGETOS=linux D= B=3 /bin/sh -c true # buildkit');
});

test('a default of the Dockerfile is stronger than what is known of the platform', () => {
  build('ARG TARGETARCH=other TARGETOS', 'RUN echo $TARGETARCH $TARGETOS >/o');
  expect(run('cat', '/o')).toBe('other linux');
});

test('a cache with a mode or owner begins empty and is another than one without', () => {
  const cache = (rest: string) => `RUN --mount=type=cache,target=/c,id=steps${rest}`;
  build(
    `${cache('')} echo first >/c/f`,
    `${cache(',mode=0711,uid=3,gid=4')} stat -c '%a %u:%g' /c >/o; ls /c >>/o`,
    `${cache(',mode=0711,from=bb,source=/etc')} stat -c '%a %u' /c >>/o; ls /c/passwd >>/o`,
    `${cache('')} ls /c >>/o`,
  );
  expect(run('cat', '/o')).toBe('711 3:4\n755 0\n/c/passwd\nf');
});

test('wildcards match nothing without an error, but not in a folder that is not there', () => {
  mkdirSync(join(context, 'folder'), { recursive: true });
  writeFileSync(join(context, 'folder', 'a.c'), '');
  expect(build('COPY *.none /x/')).toContain('exporting to image');
  expect(build('COPY folder/*.none folder/*.c /x/')).toContain('exporting to image');
  expect(build('COPY none/*.c /x/')).toContain('lstat /none: no such file or directory');
  expect(build('ADD none/*.c /x/')).toContain('lstat /none: no such file or directory');
});

test('an empty standard input is no Dockerfile', () => {
  const { stderr } = daemon.docker(['buildx', 'build', '-'], { input: '' });
  expect(stderr).toContain('failed to read dockerfile: no local sources enabled');
});
