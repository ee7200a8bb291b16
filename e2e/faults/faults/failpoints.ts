import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sleep, TestDaemon } from '../../support/daemon.ts';
import type { Mode, Scene } from '../mode.ts';
import type { Random } from '../random.ts';

/* System calls of the daemon and of its native parts that fail, stall or kill their process: a daemon of its own build. */

const top = fileURLToPath(new URL('../../..', import.meta.url));
const NATIVE = join(top, 'packages/native/failpoints/failpoints.c');

/** The layout of the file that arms them: see failpoints.c. */
const [TABLE, SLOT, NAME, KILL] = [4096, 64, 48, 1000];
const errno = constants.errno;

/** The file of failpoints of each daemon (`BERTH_FAILPOINTS`). */
const files = new Map<TestDaemon, string>();

/** The calls that can be hit: those of the native parts, and those of the daemon. */
const native = [...readFileSync(NATIVE, 'utf8').matchAll(/^WRAP\((\w+)\)/gm)].map(([, call]) => call!);
const ofDaemon = [
  ...['open', 'mkdir', 'mkdtemp', 'rename', 'rm', 'rmdir', 'unlink', 'writeFile', 'write'],
  ...['truncate', 'chmod', 'chown', 'link', 'symlink', 'fdatasync', 'fsync'],
].map((call) => `fs.${call}`);

/** Calls that carry a container's output are left alone: it would be lost for good, and no one could tell whose fault that is. */
const PASSIVE = new Set(['read', 'write', 'recv', 'recvmsg']);

interface Point {
  name: string;
  /** An errno; KILL; or the negative of milliseconds to stall. */
  action: number;
  /** Passes that are let through first, and those that are hit then. */
  skip: number;
  count: number;
}

function somePoint(random: Random): Point {
  const name = random.pick([
    ...native.filter((call) => !PASSIVE.has(call)),
    ...ofDaemon,
    ...['syscall', 'sqlite.run'],
  ]);
  const failure = random.pick([errno.EIO, errno.ENOMEM, errno.ENOSPC, errno.EMFILE]);
  const stall = -random.between(50, 400);
  return {
    name,
    action: random.chance(0.7) ? failure : stall,
    skip: random.between(0, 30),
    count: random.between(1, 4),
  };
}

const told = ({ name, action, skip, count }: Point) => {
  const what = action === KILL ? 'kills' : action < 0 ? `stalls ${-action} ms` : `fails with ${action}`;
  return `${name} ${what}, ${count} times after ${skip}`;
};

/** Arms these and no others. */
export function arm(file: string, points: Point[]): void {
  const bytes = Buffer.alloc(TABLE);
  bytes.writeInt32LE(points.length > 0 ? 1 : 0, 0);
  for (const [index, { name, action, skip, count }] of points.entries()) {
    const at = SLOT * (index + 1);
    bytes.write(name, at, NAME - 1);
    for (const [field, value] of [action, skip, count, 0].entries())
      bytes.writeInt32LE(value, at + NAME + 4 * field);
  }
  // In place: the processes have the file mapped.
  const fd = openSync(file, 'r+');
  writeSync(fd, bytes, 0, TABLE, 0);
  closeSync(fd);
}

/** How often the only point that is armed was hit. */
export const timesHit = (file: string): number => readFileSync(file).readInt32LE(SLOT + NAME + 12);

/** The name of the call that was hit last. */
export function lastHit(file: string): string {
  const bytes = readFileSync(file);
  return bytes.toString('latin1', 4, bytes.indexOf(0, 4));
}

/** How often each was hit, of those that were. */
function hits(file: string): string {
  const bytes = readFileSync(file);
  const said: string[] = [];
  for (let at = SLOT; at < TABLE && bytes[at]; at += SLOT) {
    const count = bytes.readInt32LE(at + NAME + 12);
    if (count > 0) said.push(`${bytes.toString('latin1', at, bytes.indexOf(0, at))} ${count}`);
  }
  return said.join(', ') || 'none';
}

let built = false;

/** A daemon that runs with failpoints; the file that arms them is empty. `more` gives it flags, by its folder. */
export async function failingDaemon(
  parent: string,
  more: (folder: string) => string[] = () => [],
): Promise<{ daemon: TestDaemon; file: string }> {
  if (!built) {
    const made = spawnSync(process.execPath, [join(top, '.scripts/build.mjs'), '--failpoints'], {
      encoding: 'utf8',
    });
    if (made.status !== 0) throw new Error(`the build with failpoints: ${made.stderr}`);
    built = true;
  }
  const file = join(mkdtempSync(join(tmpdir(), 'berth-failpoints-')), 'points');
  writeFileSync(file, Buffer.alloc(TABLE));
  const daemon = new TestDaemon(['--cgroup-parent', parent], {
    program: join(top, 'dist/failpoints/berthd'),
    environment: { BERTH_FAILPOINTS: file },
  });
  daemon.extra.push(...more(daemon.folder));
  files.set(daemon, file);
  await daemon.up();
  await daemon.importBusybox();
  return { daemon, file };
}

export const failing = (): Mode => ({
  open: async (parent) => (await failingDaemon(parent)).daemon,
  async harm(scene: Scene) {
    const { daemon, journal, random, excuses, users } = scene;
    const file = files.get(daemon)!;
    await sleep(random.between(50, 200));
    const boxes = () => users.flatMap(({ known }) => known.boxes);
    const points = Array.from({ length: random.between(1, 4) }, () => somePoint(random));
    for (const box of boxes()) box.cut = true;
    const over = excuses.open(/./);
    arm(file, points);
    journal.note(`armed: ${points.map(told).join('; ')}`);
    await sleep(random.between(200, 500));
    journal.note(`hit: ${hits(file)}`);
    arm(file, []);
    over(1000);
    for (const box of boxes()) {
      box.cut = true;
      // A supervisor whose calls fail may have given up its container.
      box.struck = true;
    }
    if (daemon.process?.exitCode !== null || daemon.process.signalCode !== null) {
      journal.note('the daemon has ended');
      await daemon.up();
    }
    await sleep(random.between(50, 150));
  },
  async close(daemon) {
    rmSync(dirname(files.get(daemon)!), { recursive: true, force: true });
    files.delete(daemon);
  },
});
