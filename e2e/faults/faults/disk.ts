import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sleep, TestDaemon } from '../../support/daemon.ts';
import type { Mode, Scene } from '../mode.ts';

/* A data root without room: a small ext4 of its own that is filled up and emptied again. */

/** A step of a build that could not write its file ends as such a program does: with a code of its own. */
const NO_SPACE = /no space left|ENOSPC|disk is full|disk full|returned a non-zero code/i;

/** The mount point of each daemon's small disk. */
const disks = new Map<TestDaemon, string>();

export const diskFull = (what: 'bytes' | 'inodes'): Mode => ({
  async open(parent) {
    const folder = mkdtempSync(join(tmpdir(), 'berth-disk-'));
    const [image, mounted] = [join(folder, 'image'), join(folder, 'disk')];
    mkdirSync(mounted);
    execFileSync('truncate', ['-s', '160M', image]);
    execFileSync('mkfs.ext4', ['-q', '-F', '-m', '0', '-N', '3000', image]);
    execFileSync('mount', ['-o', 'loop', image, mounted]);
    const daemon = new TestDaemon(['--cgroup-parent', parent], { data: join(mounted, 'data') });
    disks.set(daemon, folder);
    await daemon.up();
    await daemon.importBusybox();
    return daemon;
  },
  async harm(scene) {
    const { daemon, journal, random, excuses } = scene;
    const filler = join(disks.get(daemon)!, 'disk/filler');
    await sleep(random.between(50, 300));
    const full = excuses.open(NO_SPACE);
    for (const box of scene.users.flatMap(({ known }) => known.boxes)) box.cut = true;
    journal.note(`the disk is full of ${what}`);
    fill(what, filler, random.pick([0, 0, 16, 300]));
    await sleep(random.between(100, 400));
    if (random.chance(0.3)) await killedWhileFull(scene);
    rmSync(filler, { recursive: true, force: true });
    journal.note('the disk has room again');
    full(500);
    for (const box of scene.users.flatMap(({ known }) => known.boxes)) box.cut = true;
    if (!daemon.process || daemon.process.exitCode !== null) await daemon.up();
    await sleep(random.between(50, 150));
  },
  async close(daemon) {
    const folder = disks.get(daemon)!;
    disks.delete(daemon);
    spawnSync('umount', [join(folder, 'disk')], { stdio: 'inherit' });
    rmSync(folder, { recursive: true, force: true });
  },
});

/** Takes all there is but `left` KiB, or files. */
export function fill(what: 'bytes' | 'inodes', filler: string, left: number): void {
  mkdirSync(filler, { recursive: true });
  if (what === 'bytes') {
    const { bavail, bsize } = statfsSync(filler);
    const size = bavail * bsize - left * 1024;
    if (size > 0) spawnSync('fallocate', ['-l', String(size), join(filler, 'bytes')], { stdio: 'ignore' });
    return;
  }
  const { ffree } = statfsSync(filler);
  for (let index = 0; index < Number(ffree) - left / 16; index++) {
    try {
      writeFileSync(join(filler, String(index)), '');
    } catch {
      return; // full by what others write
    }
  }
}

/** A daemon that is killed on a full disk may refuse to start there; it starts when there is room. */
async function killedWhileFull({ daemon, journal, users }: Scene): Promise<void> {
  // The end of one that goes with its end may have had no room for a record: then only the running daemon knew of it.
  for (const { may } of users.flatMap(({ known }) => known.boxes))
    if (may.has('gone') && may.size > 1) may.add('exited');
  journal.note('the daemon is killed on the full disk');
  await daemon.down('SIGKILL');
  const child = daemon.launch();
  for (let waited = 0; waited < 1000 && child.exitCode === null; waited += 50) {
    await sleep(50);
    const answers = await daemon.call('GET', '/_ping').then(
      ({ status }) => status === 200,
      () => false,
    );
    if (answers) return journal.note('the daemon is up on the full disk');
  }
  await daemon.down('SIGKILL');
}
