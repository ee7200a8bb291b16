import { readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestDaemon } from '../../support/daemon.ts';

let usual: TestDaemon;
let granting: TestDaemon;
beforeAll(async () => {
  usual = await TestDaemon.start();
  granting = new TestDaemon(['--config-file', join(usual.folder, 'daemon.json')]);
  writeFileSync(
    join(usual.folder, 'daemon.json'),
    JSON.stringify({ builder: { entitlements: { 'security-insecure': true, 'network-host': false } } }),
  );
  await granting.up();
  await granting.importBusybox();
});
afterAll(async () => {
  await granting?.dispose();
  await usual?.dispose();
});

/** The host's network namespace, as a step sees its own. */
const network = () => readlinkSync('/proc/self/ns/net');
const HOST = 'FROM bb\nRUN --network=host readlink /proc/self/ns/net\n';
const INSECURE = 'FROM bb\nRUN --security=insecure grep CapEff /proc/self/status\n';

function build(daemon: TestDaemon, input: string, ...flags: string[]): string {
  const ran = daemon.berth(['build', '--no-cache', '--progress=plain', ...flags, '-'], { input });
  return ran.stdout + ran.stderr;
}

test("a step gets the host's network with the entitlement, and only then", () => {
  expect(build(usual, HOST)).toContain('network.host is not allowed');
  expect(build(usual, HOST, '--allow', 'network.host')).toContain(network());
  const plain = HOST.replace('--network=host ', '');
  expect(build(usual, plain, '--network', 'host')).toContain(network());
  const env = { BUILDKIT_PROGRESS: 'plain' };
  const buildx = usual.docker(['buildx', 'build', '--no-cache', '--network=host', '-'], {
    input: plain,
    env,
  });
  expect(buildx.stderr).toContain(network());
  expect(build(usual, plain)).not.toContain(network());
  // Nothing runs before that is known, whichever stage asks; what the target does not need does not ask.
  const stages = 'FROM bb AS first\nRUN echo was done\nFROM bb AS second\nRUN --network=host true\n';
  const first = 'FROM bb\nCOPY --from=first /bin /other\n';
  expect(build(usual, `${stages}FROM second\nCOPY --from=first /bin /other\n`)).not.toContain('was done\n');
  expect(build(usual, stages + first)).not.toContain('is not allowed');
  expect(build(granting, HOST, '--allow', 'network.host')).toContain(
    'granting entitlement network.host is not allowed by build daemon configuration',
  );
});

test("an image's triggers are granted no more than its steps", () => {
  usual.docker(['build', '-q', '-t', 'trigger', '-'], {
    input: 'FROM bb\nONBUILD RUN --network=host true\n',
  });
  expect(build(usual, 'FROM trigger\n')).toContain('network.host is not allowed');
});

test('a step gets privileges with the entitlement where the daemon grants it', () => {
  expect(build(usual, INSECURE)).toContain('security.insecure is not allowed');
  expect(build(usual, INSECURE, '--allow', 'security.insecure')).toContain(
    'granting entitlement security.insecure is not allowed by build daemon configuration',
  );
  expect(build(granting, INSECURE)).toContain('security.insecure is not allowed');
  const effective = (text: string) => BigInt(`0x${/CapEff:\s*([0-9a-f]+)\n/.exec(text)?.[1] ?? '0'}`);
  const insecure = effective(build(granting, INSECURE, '--allow', 'security.insecure'));
  const sandboxed = effective(build(granting, INSECURE.replace('insecure', 'sandbox')));
  expect(sandboxed).toBeGreaterThan(0n);
  expect(insecure & (1n << 21n)).not.toBe(0n); // CAP_SYS_ADMIN
  expect(sandboxed & (1n << 21n)).toBe(0n);
  expect(build(granting, INSECURE.replace('insecure', 'lax'))).toContain('security "lax" is not valid');
});

test('what the builder may grant is checked when the daemon starts', async () => {
  for (const builder of [
    { entitlements: { 'network-hots': true } },
    { entitlements: { 'network-host': 'yes' } },
    { gc: {} },
  ]) {
    const file = join(usual.folder, 'wrong.json');
    writeFileSync(file, JSON.stringify({ builder }));
    await expect(new TestDaemon(['--config-file', file]).up()).rejects.toThrow('--builder is not supported');
  }
});

test("owners are looked up in an image's files up to a bound, and only as numbers that are some", () => {
  const dockerfile = (file: string) =>
    `FROM bb\nRUN ${file}\nCOPY --chown=somebody --from=bb /etc/group /copied\n`;
  const engines: Array<Record<string, string>> = [{ DOCKER_BUILDKIT: '0' }, { BUILDKIT_PROGRESS: 'plain' }];
  for (const env of engines) {
    const built = (file: string) => {
      const ran = usual.docker(['build', '-'], { input: dockerfile(file), env });
      return ran.stdout + ran.stderr;
    };
    expect(built('truncate -s 20M /etc/passwd')).toContain(
      '/etc/passwd of the image is larger than 16777216 bytes',
    );
    expect(built('echo somebody:x:12345678901:0 > /etc/passwd')).toContain(
      'has no valid number for user somebody',
    );
    expect(built('mkdir /etc/p && mv /etc/passwd /etc/p && mv /etc/p /etc/passwd')).not.toContain(
      'somebody:x',
    );
  }
});

test('a cache begins with the files of a stage as they are, whatever they are', () => {
  const list = build(
    usual,
    `FROM bb AS made
RUN mkdir /d && cd /d && echo > file && chown 7:8 file && chmod 4750 file && mkfifo pipe && ln -s /etc/shadow link
FROM bb
RUN --mount=type=cache,target=/c,from=made,source=/d,id=made${process.pid} cd /c && stat -c '%n %a %u:%g %F' *
`,
  );
  expect(list).toContain('file 4750 7:8 regular file');
  expect(list).toContain('pipe 644 0:0 fifo');
  expect(list).toContain('link 777 0:0 symbolic link');
});
