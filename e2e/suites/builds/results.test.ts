import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { busyboxTar } from '../../support/images.ts';
import { build, context, daemon, inspect, run, withBuilds } from './setup.ts';

/* The results of builds beside dockerd 26.1's; each expectation was taken from it. */

withBuilds();

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

test('the configurations of a classic build, each with all before it, are bounded', () => {
  const large = Array.from({ length: 4 }, (_, index) => `ENV L${index}=${'x'.repeat(60_000)}`);
  const small = Array.from({ length: 100 }, (_, index) => `ENV S${index}=${index}`);
  const dockerfile = ['FROM bb', ...large, ...small, ''].join('\n');
  // A second time as well, where the first steps come from the cache.
  for (let time = 0; time < 2; time++)
    expect(build('classic', dockerfile)).toContain('have configurations of more than 32 MB together');
  expect(build('classic', 'FROM bb\nENV A=1\n')).toContain('Successfully built');
});

test('the title of a step shows variables, and quoted ones without their escapes', () => {
  const said = build(
    'buildkit',
    'FROM bb\nARG V=val\nRUN : a\\\\ \\$HOME "in \\"q\\" \\n" \'as \\" $V\' $V $NO ${NO:-d}\n',
  );
  expect(said).toContain('RUN : a\\ $HOME "in "q" \\n" \'as \\" $V\' val $NO ${NO:-d}\n');
});
