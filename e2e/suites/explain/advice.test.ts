import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dist, TestDaemon } from '../../support/daemon.ts';

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  const builds: Record<string, string> = {
    missing: 'RUN nosuch',
    failing: 'RUN false',
    unknown: 'NOSUCH x',
    secret: 'RUN --mount=type=secret,id=s,required true',
  };
  for (const [name, step] of Object.entries(builds)) dockerfile(name, `FROM bb\n${step}\n`);
  dockerfile('blank', 'ARG X\nFROM $X\n');
  dockerfile('empty', '');
  daemon.berth(['create', '--name', 'stopped', 'bb', 'true']);
  daemon.berth(['volume', 'create', '-o', 'type=ext4', '-o', 'device=/dev/nosuch', 'disk']);
}, 60_000);
afterAll(() => daemon?.dispose());

function dockerfile(name: string, text: string): void {
  mkdirSync(join(daemon.folder, name));
  writeFileSync(join(daemon.folder, name, 'Dockerfile'), text);
}

const run = (...flags: string[]) => ['run', '--rm', ...flags, 'bb', 'true'];
const RECEIVER = 'syslog-address=tcp://127.0.0.1:9';

/** Each error is provoked; the hint that follows the words of the engine. */
const CASES: Array<[args: string[], hint: RegExp]> = [
  [['build', 'missing'], /not in the image: install it/],
  [['build', 'failing'], /--progress plain/],
  [['build', 'unknown'], /correct that line/],
  [['build', 'secret'], /--secret id=/],
  [['build', 'blank'], /--build-arg/],
  [['build', 'empty'], /FROM IMAGE/],
  [['build', '/no/such'], /the folder that holds/],
  [run('--device', '/dev/nosuch'), /no such device/],
  [run('--sysctl', 'net.ipv4.nosuch=1'), /no such setting/],
  [run('--sysctl', 'kernel.nosuch=1'), /settings of namespaces/],
  [run('--pid', 'container:stopped'), /namespace is shared first/],
  [run('--ipc', 'container:stopped'), /namespace is shared first/],
  [run('--network', 'container:stopped'), /network is shared first/],
  [run('--runtime', 'nosuch'), /--add-runtime/],
  [run('--log-driver', 'syslog', '--log-opt', RECEIVER), /receiver of its log/],
  [run('--log-driver', 'nosuch'), /log drivers/],
  [run('--log-opt', 'nosuch=1'), /options of each driver/],
  [run('-p', '203.0.113.7:80:80'), /no such address/],
  [run('-w', '/bin/busybox'), /-w/],
  [run('--cap-add', 'NOSUCH'), /capabilities\(7\)/],
  [run('--tmpfs', '/x:size=zz'), /option of a tmpfs/],
  [run('-v', 'disk:/x'), /berth volume inspect/],
  [['exec', 'stopped', 'true'], /berth start/],
  [['volume', 'inspect', 'nosuch'], /berth volume ls/],
  [['volume', 'create', '-d', 'nosuch', 'v'], /driver local/],
  [['network', 'rm', 'bridge'], /always there/],
  [['network', 'create', '-d', 'nosuch', 'n'], /drivers of networks/],
  [['pull', 'a//b'], /lower case/],
  [['push', '127.0.0.1:9/x'], /berth tag/],
  [['load', '-i', '/etc/passwd'], /berth import/],
  [['cp', 'stopped:/nosuch', '.'], /what is there/],
  [['context', 'use', 'nosuch'], /berth context ls/],
];

const berth = (args: readonly string[]) =>
  new Promise<{ failed: boolean; stderr: string }>((resolve) => {
    const env = { ...process.env, BERTH_HOST: daemon.host, DOCKER_CONFIG: daemon.folder, BERTH_HINTS: '1' };
    execFile(join(dist, 'berth'), args, { cwd: daemon.folder, env }, (failure, _, stderr) =>
      resolve({ failed: failure !== null, stderr }),
    );
  });

test('each failure of a catalogue is followed by what to do', async () => {
  const wrong: string[] = [];
  const waiting = [...CASES];
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const [args, hint] = next;
        const { failed, stderr } = await berth(args);
        const last = stderr.trimEnd().split('\n').at(-1) ?? '';
        if (!failed || !last.startsWith('hint: ') || !hint.test(last))
          wrong.push(`${args.join(' ')}: ${stderr}`);
      }
    }),
  );
  expect(wrong).toEqual([]);
}, 120_000);
