// From a clean clone to a container that has run: set-up, daemon, base image, first container, what to type next.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fail, pinnedNode, root, run } from './lib.mjs';

const berth = join(root, 'dist', 'berth');
const berthd = join(root, 'dist', 'berthd');
if (process.getuid() !== 0) fail('berthd owns namespaces, cgroups and networks: run this as root');

/** The newest time of change among the sources, so that a second start is quick and an edited tree is built anew. */
function built() {
  if (!existsSync(berth) || !existsSync(pinnedNode)) return false;
  const since = statSync(berth).mtimeMs;
  const changed = spawnSync(
    'find',
    [
      'packages',
      '.scripts',
      'pnpm-lock.yaml',
      '-newermt',
      new Date(since).toISOString(),
      '-type',
      'f',
      '-not',
      '-path',
      '*/node_modules/*',
      '-not',
      '-path',
      '*/build/*',
      '-not',
      '-path',
      '*/generated/*',
    ],
    { cwd: root, encoding: 'utf8' },
  );
  return changed.stdout.trim() === '';
}
if (!built()) run(process.execPath, [join(root, '.scripts', 'setup.mjs')]);

const client = (args, options = {}) => spawnSync(berth, args, { encoding: 'utf8', ...options });
const must = (args, options = {}) => {
  const result = client(args, options);
  if (result.status !== 0) fail(`berth ${args.join(' ')}: ${result.stderr}`);
  return result.stdout.trim();
};

if (client(['version']).status !== 0) {
  mkdirSync('/var/lib/berth', { recursive: true, mode: 0o700 });
  const log = openSync('/var/lib/berth/berthd.log', 'a');
  spawn(berthd, [], { detached: true, stdio: ['ignore', log, log] }).unref();
  const deadline = Date.now() + 15_000;
  while (client(['version']).status !== 0) {
    if (Date.now() > deadline)
      fail(`berthd does not answer:\n${readFileSync('/var/lib/berth/berthd.log', 'utf8').slice(-2000)}`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  }
  console.log('berthd runs (log: /var/lib/berth/berthd.log)');
}

run(pinnedNode, [join(root, '.scripts', 'base-images.mjs'), berth]);

console.log('\n$ berth run --rm --memory 64m --cpus 0.5 busybox sh -c ...');
const script = [
  'echo "host name   $(hostname)"',
  'echo "processes   $(ls -d /proc/[0-9]* | wc -l) (its own PID namespace)"',
  'echo "addresses   $(ip -o -4 addr show | awk \'{printf "%s ", $4}\')"',
  'echo "root        $(awk \'$5 == "/" {print $9}\' /proc/self/mountinfo), its own mounts: $(wc -l < /proc/self/mountinfo)"',
  'echo "memory      $(cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null) bytes at most"',
  'echo "cpu quota   $(cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null) us of every 100000"',
  "echo \"capabilities $(awk '/CapEff/ {print $2}' /proc/self/status), seccomp mode $(awk '/^Seccomp:/ {print $2}' /proc/self/status)\"",
].join('; ');
process.stdout.write(
  `${must(['run', '--rm', '--memory', '64m', '--cpus', '0.5', 'busybox', 'sh', '-c', script])}\n`,
);
process.stdout.write(`\n${must(['run', '--rm', 'hello-world'])}\n`);
console.log(`
What to type next (${berth}):
  berth run -it --rm busybox          a shell in a container
  berth run -d --name web -p 8080:80 busybox httpd -f -p 80
  berth ps                            what runs
  berth logs web; berth rm -f web
  export DOCKER_HOST=unix:///run/berth/berth.sock     for docker, compose and every other client`);
