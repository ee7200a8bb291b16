import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Engine } from './engines.ts';
import { median, report } from './measure.ts';

/** A root with the host's iperf3 and the libraries it needs. */
function iperfTar(): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'bench-iperf-'));
  try {
    const binary = '/usr/bin/iperf3';
    if (!existsSync(binary)) throw new Error('iperf3 is not installed (apt-get install iperf3)');
    const libraries = spawnSync('ldd', [binary], { encoding: 'utf8' }).stdout.match(/\/\S+/g) ?? [];
    // Ending its threads loads one more, from beside the C library.
    const beside = libraries.find((file) => /\/libc\.so/.test(file));
    if (beside) (libraries as string[]).push((beside as string).replace(/libc\.so.*/, 'libgcc_s.so.1'));
    for (const name of ['tmp', 'proc', 'sys', 'dev', 'etc']) mkdirSync(join(folder, name));
    for (const file of [binary, ...libraries]) spawnSync('cp', ['--parents', '-L', file, folder]);
    return spawnSync('tar', ['-C', folder, '-c', '.'], { maxBuffer: 1 << 28 }).stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function gigabits(engine: Engine, to: string, port: number, client: string | null): Promise<number> {
  const args = ['-c', to, '-p', String(port), '-t', '3', '-J'];
  const output = client
    ? spawnSync('docker', ['exec', client, '/usr/bin/iperf3', ...args], {
        encoding: 'utf8',
        env: { ...process.env, DOCKER_HOST: engine.host },
      })
    : await new Promise<{ stdout: string }>((resolve) => {
        const child = spawn('iperf3', args);
        let stdout = '';
        child.stdout.on('data', (chunk) => {
          stdout += chunk;
        });
        child.on('close', () => resolve({ stdout }));
      });
  return JSON.parse(output.stdout).end.sum_received.bits_per_second / 1e9;
}

/** iperf3 between two containers, and from the host through a published port. */
export async function traffic(engines: { berth: Engine; docker: Engine }): Promise<void> {
  const tar = iperfTar();
  const setups: Array<{
    engine: Engine;
    server: string;
    client: string;
    address: string;
    gateway: string;
    port: number;
  }> = [];
  for (const engine of [engines.berth, engines.docker]) {
    await engine.call('POST', '/images/create?fromSrc=-&repo=iperf&tag=latest', tar);
    const server = await engine.run({
      Image: 'iperf',
      Cmd: ['/usr/bin/iperf3', '-s'],
      ExposedPorts: { '5201/tcp': {} },
      HostConfig: { PortBindings: { '5201/tcp': [{ HostPort: '' }] } },
    });
    const client = await engine.run({ Image: 'iperf', Cmd: ['/usr/bin/iperf3', '-s', '-p', '9'] });
    const { NetworkSettings } = await engine.must('GET', `/containers/${server}/json`);
    setups.push({
      engine,
      server,
      client,
      address: NetworkSettings.Networks.bridge.IPAddress,
      gateway: NetworkSettings.Networks.bridge.Gateway,
      port: Number(NetworkSettings.Ports['5201/tcp'][0].HostPort),
    });
  }
  for (const [what, measure] of [
    ['iperf3 between containers', (s: (typeof setups)[0]) => gigabits(s.engine, s.address, 5201, s.client)],
    [
      "iperf3 through a published port (the host's address)",
      (s: (typeof setups)[0]) => gigabits(s.engine, s.gateway, s.port, null),
    ],
    [
      'iperf3 through a published port (loopback)',
      (s: (typeof setups)[0]) => gigabits(s.engine, '127.0.0.1', s.port, null),
    ],
  ] as const) {
    const rates: Record<'berth' | 'docker', number[]> = { berth: [], docker: [] };
    for (let round = 0; round < 7; round++) {
      for (const setup of round % 2 ? setups : setups.slice().reverse())
        rates[setup.engine.name].push(await measure(setup));
    }
    report(what, median(rates.berth), median(rates.docker), 'Gbit/s', '1', 'more');
  }
  for (const { engine, server, client } of setups) for (const id of [server, client]) await engine.remove(id);
}
