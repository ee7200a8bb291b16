import type { Engine } from './engines.ts';
import { alternate, median, report, timed } from './measure.ts';

type Engines = { berth: Engine; docker: Engine };

async function cycle(engine: Engine, body: Record<string, unknown>): Promise<void> {
  const { Id } = await engine.must('POST', '/containers/create', {
    Image: 'busybox',
    Cmd: ['true'],
    ...body,
  });
  await engine.must('POST', `/containers/${Id}/start`);
  await engine.must('POST', `/containers/${Id}/wait`);
  await engine.must('DELETE', `/containers/${Id}`);
}

/** create + start + wait + remove over the API. */
export async function cycles(engines: Engines): Promise<void> {
  for (const [what, target, hostConfig] of [
    ['cycle, no network', '1/18', { NetworkMode: 'none' }],
    ['cycle, default bridge', '1/14', {}],
    ['cycle, published port', '1/12', { PortBindings: { '80/tcp': [{ HostPort: '' }] } }],
  ] as const) {
    const { berth, docker } = await alternate(
      engines,
      40,
      (engine) => cycle(engine, { HostConfig: hostConfig, ExposedPorts: { '80/tcp': {} } }),
      // Both are daemons that have run for a while, not ones that have just been started.
      40,
    );
    report(what, berth, docker, 'ms', target, 'less');
  }
}

/** exec of `true`: create + start + inspect. */
export async function exec(engines: Engines): Promise<void> {
  const ids = {
    berth: await engines.berth.run({ Cmd: ['sleep', '600'] }),
    docker: await engines.docker.run({ Cmd: ['sleep', '600'] }),
  };
  const { berth, docker } = await alternate(
    engines,
    60,
    async (engine) => {
      const { Id } = await engine.must('POST', `/containers/${ids[engine.name]}/exec`, {
        Cmd: ['true'],
        AttachStdout: true,
        AttachStderr: true,
      });
      await engine.call('POST', `/exec/${Id}/start`, { Detach: false });
      const { ExitCode } = await engine.must('GET', `/exec/${Id}/json`);
      if (ExitCode !== 0) throw new Error(`${engine.name}: exec: exit code ${ExitCode}`);
    },
    15,
  );
  report('exec of true', berth, docker, 'ms', '1/10', 'less');
  for (const engine of [engines.berth, engines.docker]) await engine.remove(ids[engine.name]);
}

/** The whole command: `run --rm busybox true`. */
export async function runCommand(engines: Engines): Promise<void> {
  const { berth, docker } = await alternate(
    engines,
    25,
    (engine) => engine.cli(['run', '--rm', 'busybox', 'true']),
    5,
  );
  report('run --rm busybox true', berth, docker, 'ms', '1/4', 'less');
}

/** Eight clients at once, default bridge: cycles a second. */
export async function parallel(engines: Engines): Promise<void> {
  const rates: Record<'berth' | 'docker', number[]> = { berth: [], docker: [] };
  for (let round = 0; round < 3; round++) {
    for (const engine of [engines.berth, engines.docker]) {
      const count = engine.name === 'berth' ? 160 : 24;
      let left = count;
      const client = async () => {
        while (left-- > 0) await cycle(engine, {});
      };
      const ms = await timed(() => Promise.all(Array.from({ length: 8 }, client)));
      rates[engine.name].push((count / ms) * 1000);
    }
  }
  report('8 clients, default bridge', median(rates.berth), median(rates.docker), 'cycles/s', '12', 'more');
}

/** 200 containers on one network: the last 20 starts against the first 20. */
export async function growth({ berth }: Engines): Promise<void> {
  await berth.must('POST', '/networks/create', { Name: 'bench-growth' });
  const times: number[] = [];
  const ids: string[] = [];
  for (let index = 0; index < 200; index++) {
    times.push(
      await timed(async () =>
        ids.push(await berth.run({ Cmd: ['sleep', '600'], HostConfig: { NetworkMode: 'bench-growth' } })),
      ),
    );
  }
  const first = median(times.slice(0, 20));
  const last = median(times.slice(-20));
  process.stdout.write(
    `200 containers on one network: first 20 starts ${first.toFixed(2)} ms, last 20 ${last.toFixed(2)} ms (${(last / first).toFixed(2)}, limit 1.33) ${last / first <= 1.33 ? 'reached' : 'NOT REACHED'}\n`,
  );
  for (const id of ids) await berth.remove(id);
  await berth.must('DELETE', '/networks/bench-growth');
}
