import { sleep, TestDaemon } from '../../support/daemon.ts';
import { helpers, supervisors } from '../../support/leaks.ts';
import type { Mode, Scene } from '../mode.ts';

/* Processes of the engine that are killed or stopped. */

const open = async (parent: string) => TestDaemon.start(['--cgroup-parent', parent]);

const some = ({ random }: Scene, from: number, to: number) => sleep(random.between(from, to));

/** The daemon is killed, and in some rounds again while it starts. */
export const daemonKilled = (): Mode => ({
  open,
  async harm(scene) {
    const { daemon, journal, random } = scene;
    await some(scene, 50, 450);
    journal.note('the daemon is killed');
    await daemon.down('SIGKILL');
    for (let more = random.pick([0, 0, 1, 2]); more > 0; more--) {
      daemon.launch();
      await some(scene, 20, 300);
      journal.note('the daemon is killed while it starts');
      await daemon.down('SIGKILL');
    }
    await daemon.up();
    journal.note('the daemon is up');
    await some(scene, 50, 150);
  },
});

const killed = (pid: number, signal: NodeJS.Signals) => {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false; // it has ended by itself
  }
};

/** The launcher or the network worker is killed. What was asked of it at that instant may fail, and says why. */
export const helperKilled = (part: string): Mode => ({
  open,
  async harm(scene) {
    const { daemon, journal, random, excuses } = scene;
    for (let times = random.between(1, 4); times > 0; times--) {
      await some(scene, 30, 250);
      const helper = helpers(daemon).find(({ args }) => args[1] === part);
      if (!helper) continue;
      journal.note(`${part} (${helper.pid}) is killed`);
      const mended = excuses.open(/./);
      killed(helper.pid, 'SIGKILL');
      mended(1000);
    }
    await some(scene, 50, 250);
  },
});

/** The supervisors of some containers are killed: those containers end, and nothing else is the worse for it. */
export const supervisorKilled = (): Mode => ({
  open,
  async harm(scene) {
    const { daemon, journal, random, excuses } = scene;
    for (let times = random.between(1, 5); times > 0; times--) {
      await some(scene, 60, 200);
      const one = random.any(supervisors(daemon));
      if (!one) continue;
      strike(scene, one.name);
      journal.note(`${one.name} (${one.pid}) is killed`);
      const mended = excuses.open(/./);
      killed(one.pid, 'SIGKILL');
      mended(300);
    }
    await some(scene, 50, 150);
  },
});

function strike({ users }: Scene, name: string): void {
  const id = name.slice('berth:'.length);
  for (const box of users.flatMap(({ known }) => known.boxes)) {
    if (!box.id.startsWith(id)) continue;
    box.struck = true;
    box.cut = true;
  }
}

/** Something is stopped for a while and goes on: what waits for it is answered then. Nothing may fail. */
export const stopped = (parts: string[]): Mode => ({
  open,
  async harm(scene) {
    const { daemon, journal, random } = scene;
    if (parts.length === 0) await some(scene, 200, 600);
    for (let times = parts.length > 0 ? random.between(1, 3) : 0; times > 0; times--) {
      await some(scene, 50, 200);
      const part = random.pick(parts);
      const found =
        part === 'supervisor'
          ? random.any(supervisors(daemon))?.pid
          : part === 'daemon'
            ? daemon.process?.pid
            : helpers(daemon).find(({ args }) => args[1] === part)?.pid;
      if (!found) continue;
      journal.note(`${part} (${found}) is stopped`);
      killed(found, 'SIGSTOP');
      await some(scene, 100, 500);
      killed(found, 'SIGCONT');
      journal.note(`${part} (${found}) goes on`);
    }
    await some(scene, 50, 150);
  },
});
