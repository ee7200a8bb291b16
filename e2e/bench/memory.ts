import { readdirSync, readFileSync } from 'node:fs';
import { Engine, pss } from './engines.ts';
import { figure, report } from './measure.ts';

/** The memory an engine keeps per idle container: its supervisor or shim and the growth of its daemons (PSS). */
async function perContainer(engine: Engine): Promise<number> {
  const count = 30;
  const total = () => engineProcesses(engine).reduce((sum, pid) => sum + pss(pid), 0);
  const before = total();
  const ids: string[] = [];
  for (let index = 0; index < count; index++)
    ids.push(await engine.run({ Cmd: ['sleep', '600'], HostConfig: { NetworkMode: 'none' } }));
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const after = total();
  for (const id of ids) await engine.remove(id);
  return (after - before) / count;
}

/** The engine's own processes: daemons, supervisors, shims; not the containers'. */
function engineProcesses(engine: Engine): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        if (engine.name === 'docker')
          return (
            /^(?:\S*\/)?(dockerd|containerd|containerd-shim\S*) /.test(command) &&
            command.includes(engine.folder)
          );
        return (
          command.includes(engine.folder) ||
          /berth-(native|launcher|supervisor)/.test(command) ||
          engine.process.pid === pid
        );
      } catch {
        return false;
      }
    });
}

export async function memory(engines: { berth: Engine; docker: Engine }): Promise<void> {
  const berth = await perContainer(engines.berth);
  const docker = await perContainer(engines.docker);
  report('memory per idle container', berth / 1048576, docker / 1048576, 'MiB', '1/10', 'less');

  const fresh = await new Engine('berth').start();
  figure('first ping after the start of berthd', fresh.startMs, 'ms', 400);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  figure('berthd idle, resident', fresh.residentBytes() / 1e6, 'MB', 110);
  await fresh.stop();
}
