import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { TestDaemon } from '../../support/daemon.ts';
import { type TarEntry, tarOfEntries } from '../../support/tar.ts';

/* The ways by which containers got out of other engines, each tried here. */

let daemon: TestDaemon;
/** A folder of the host that no container may reach. */
let trap: string;
beforeAll(async () => {
  daemon = await TestDaemon.start();
  trap = join(daemon.folder, 'trap');
  mkdirSync(trap);
  writeFileSync(join(trap, 'kept'), 'kept');
});
afterEach(() => {
  expect(readdirSync(trap)).toEqual(['kept']);
  expect(readFileSync(join(trap, 'kept'), 'utf8')).toBe('kept');
});
afterAll(() => daemon?.dispose());

const outputOf = (args: string[], input?: string) => {
  const { stdout, stderr } = daemon.docker(args, {
    env: { BUILDKIT_PROGRESS: 'plain' },
    ...(input && { input }),
  });
  return stdout + stderr;
};

test('no working folder leads out by a descriptor of the engine (CVE-2024-21626)', async () => {
  const id = await daemon.box([
    'sh',
    '-c',
    'for n in $(seq 12); do ln -s /proc/self/fd/$n /$n; done; exec sleep 300',
  ]);
  const look = ['sh', '-c', 'pwd; ls -d etc/shadow ../../../etc/shadow'];
  for (let fd = 3; fd <= 12; fd += 3) {
    const place = `/proc/self/fd/${fd}`;
    for (const args of [
      ['run', '--rm', '-w', place, 'bb', ...look],
      ['exec', '-w', place, id, ...look],
      ['exec', '-w', `/${fd}`, id, ...look],
    ])
      expect(outputOf(args)).toMatch(
        /chdir to cwd \(".*"\) set in config.json failed|mkdir .*: (not a directory|too many)/,
      );
  }
  expect(outputOf(['build', '-'], 'FROM bb\nWORKDIR /proc/self/fd/8\nRUN pwd\n')).toContain('ERROR');
  await daemon.call('DELETE', `/containers/${id}?force=1`);
});

test('devices that a volume swaps for links while containers start lead no mount elsewhere (CVE-2025-31133, 52565)', async () => {
  const files = 'console null ptmx tty zero';
  const swap = `cd /v; while :; do for f in ${files}; do
    rm -rf $f; ln -s /proc/sys/kernel $f; rm -f $f; ln -s /proc/keys $f; rm -f $f; : > $f; done
    for d in pts shm mqueue; do rm -rf $d; ln -s /proc/sys $d; rm -f $d; ln -s /proc/self/attr $d; rm -f $d; mkdir $d; done
    done 2> /dev/null`;
  const swapper = await daemon.box(['sh', '-c', swap], { HostConfig: { Binds: ['devices:/v'] } });
  const mounts = ['sh', '-c', 'cut -d " " -f 5 /proc/self/mountinfo | grep -E "^/(proc|sys)" | sort'];
  const usual = daemon.succeeds('run', '--rm', 'bb', ...mounts);
  for (let turn = 0; turn < 8; turn += 1) {
    const tty = turn % 2 ? ['-t'] : [];
    const seen = daemon.docker(['run', '--rm', ...tty, '-v', 'devices:/dev', 'bb', ...mounts]);
    // A start that lost the race fails.
    if (seen.status === 0) expect(seen.stdout.replaceAll('\r', '').trim()).toBe(usual);
  }
  await daemon.call('DELETE', `/containers/${swapper}?force=1`);
});

test('copies never follow a folder that becomes a link (CVE-2018-15664), nor load what a container has (2019-14271)', async () => {
  const swap =
    'mkdir /real; while :; do mv /real /x; ln -s / /real; rm /real; mv /x /real; done 2> /dev/null';
  const id = await daemon.box(['sh', '-c', swap]);
  const name = `berth-${process.pid}`;
  writeFileSync(join(daemon.folder, name), 'escaped');
  for (let turn = 0; turn < 8; turn += 1) {
    daemon.docker(['cp', join(daemon.folder, name), `${id}:/real${trap}`]);
    daemon.docker(['cp', join(daemon.folder, name), `${id}:/real`]);
    expect(daemon.docker(['cp', `${id}:/real/etc/hostname`, '-']).stdout).not.toContain(hostname());
  }
  expect(readdirSync('/')).not.toContain(name);
  await daemon.call('DELETE', `/containers/${id}?force=1`);
});

test('mounts of a step are taken down where they were made, whatever stands there then (CVE-2024-23651, 23652)', () => {
  const swapped = (place: string) =>
    `mv ${place} /moved; ln -s ${trap} ${place}; rm -rf ${place}/kept; ls ${place}; true`;
  const text = outputOf(
    ['build', '--no-cache', '-'],
    `FROM bb AS source
RUN mkdir /s && ln -s ${trap} /s/out && ln -s / /s/root
FROM bb
RUN --mount=type=tmpfs,target=/a/kept ${swapped('/a')}
RUN --mount=type=bind,from=source,target=/b/kept ${swapped('/b')}
RUN --mount=type=cache,id=escape,target=/c/kept ${swapped('/c')}
RUN --mount=type=cache,id=root,from=source,source=/s/root,target=/d ls /d/${trap.split('/')[1]} /d/proc
`,
  );
  expect(text).not.toMatch(/kept\n/);
  outputOf(
    ['build', '--no-cache', '-'],
    `FROM bb\nRUN --mount=type=cache,id=out,from=source,source=${trap},target=/d ls /d\n`,
  );
});

test('kernel settings of the host are no settings of a container, however they are spelled (CVE-2022-0811)', async () => {
  const core = () => readFileSync('/proc/sys/kernel/core_pattern', 'utf8');
  const before = core();
  for (const name of [
    ...['kernel.core_pattern', 'kernel/core_pattern', 'net/../kernel/core_pattern', 'vm.overcommit_memory'],
    ...[
      'kernel.shm_x/../core_pattern',
      'net.ipv4/../../kernel/core_pattern',
      'kernel.shm_rmid_forced=1\nkernel.core_pattern',
    ],
  ]) {
    const created = await daemon.call('POST', '/containers/create', {
      Image: 'bb',
      HostConfig: { Sysctls: { [name]: before.trim() } },
    });
    if (created.status !== 201) continue;
    expect((await daemon.call('POST', `/containers/${created.json.Id}/start`)).status).not.toBe(204);
  }
  const added = { 'kernel.shm_rmid_forced': '1\nkernel.core_pattern=|/x' };
  const id = await daemon.call('POST', '/containers/create', { Image: 'bb', HostConfig: { Sysctls: added } });
  await daemon.call('POST', `/containers/${id.json.Id}/start`);
  expect(core()).toBe(before);
});

test('archives write and read nothing outside of the volume or folder that they are unpacked into', async () => {
  const up = '../'.repeat(12);
  const marker = `${trap}/marker`;
  const hostile: Record<string, TarEntry[]> = {
    up: [{ name: `${up}${marker}`, body: 'x' }],
    absolute: [{ name: marker, body: 'x' }],
    link: [
      { name: 'l', type: '2', link: trap },
      { name: 'l/marker', body: 'x' },
    ],
    climbing: [
      { name: 'l', type: '2', link: up + trap },
      { name: 'l/kept', body: 'x' },
    ],
    hard: [
      { name: 'h', type: '1', link: `${trap}/kept` },
      { name: 'h', body: 'x' },
    ],
    through: [
      { name: 'l', type: '2', link: trap },
      { name: 'h', type: '1', link: 'l/kept' },
    ],
    root: [
      { name: './', type: '2', link: trap },
      { name: 'marker', body: 'x' },
    ],
    replaced: [
      { name: 'a/', type: '5' },
      { name: 'a', type: '2', link: trap },
      { name: 'a/marker', body: 'x' },
    ],
  };
  const id = await daemon.box(['sleep', '300']);
  for (const [name, entries] of Object.entries(hostile)) {
    const tar = tarOfEntries(entries);
    expect((await daemon.call('POST', `/volumes/${name}/import`, tar)).status).toBeLessThan(500);
    await daemon.call('PUT', `/containers/${id}/archive?path=/tmp`, tar);
    await daemon.call('POST', `/images/create?fromSrc=-&repo=${name}`, tar);
    expect(daemon.docker(['exec', id, 'sh', '-c', 'cat /tmp/h /tmp/l/kept']).stdout).toBe('');
    daemon.docker(['exec', id, 'sh', '-c', 'rm -rf /tmp/*']);
  }
  await daemon.call('DELETE', `/containers/${id}?force=1`);
});

test('names that objects of JavaScript have of their own are names as others', async () => {
  for (const name of ['__proto__', 'constructor', 'toString']) {
    const labels = JSON.parse(`{"${name}":"l"}`) as Record<string, string>;
    await daemon.call('POST', '/networks/create', { Name: name, Labels: labels });
    const id = await daemon.box(['sleep', '300'], { Labels: labels, HostConfig: { NetworkMode: name } });
    const filters = encodeURIComponent(JSON.stringify({ network: [name], label: [`${name}=l`] }));
    const { json: listed } = await daemon.call('GET', `/containers/json?filters=${filters}`);
    expect(listed.map(({ Id }: { Id: string }) => Id)).toEqual([id]);
    const { json: shown } = await daemon.call('GET', `/containers/${id}/json`);
    expect(Object.keys(shown.NetworkSettings.Networks)).toEqual([name]);
    expect(Object.entries(shown.Config.Labels)).toEqual([[name, 'l']]);
    expect((await daemon.call('POST', `/networks/${name}/disconnect`, { Container: id })).status).toBe(200);
    expect((await daemon.call('POST', `/networks/${name}/connect`, { Container: id })).status).toBe(200);
    const { json: again } = await daemon.call('GET', `/networks/${name}`);
    expect(Object.keys(again.Containers)).toEqual([id]);
    await daemon.call('DELETE', `/containers/${id}?force=1`);
    expect((await daemon.call('DELETE', `/networks/${name}`)).status).toBe(204);
  }
});
