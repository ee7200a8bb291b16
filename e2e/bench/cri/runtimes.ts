import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dist, until } from '../../support/daemon.ts';
import { call } from '../../support/http.ts';
import { imageTar } from '../../support/images.ts';
import type { Plugins } from './plugins.ts';

/** The image of all pods. */
export const IMAGE = 'docker.io/library/bench:latest';
/** A sandbox of containerd is held by a container of this image. */
const PAUSE = 'docker.io/library/pause:latest';

/** A daemon that serves the interface at `socket`. */
export interface Served {
  name: string;
  socket: string;
  process: ChildProcess;
}

function launch(folder: string, program: string, args: string[]): ChildProcess {
  const log = openSync(join(folder, 'log'), 'a');
  return spawn(program, args, {
    stdio: ['ignore', log, log],
    env: { ...process.env, DOCKER_RAMDISK: '1' },
  });
}

/** Starts Berth: with CNI's plugins, or without them on a network of its own. */
export async function startBerth(top: string, name: string, plugins?: Plugins): Promise<Served> {
  const folder = join(top, name);
  mkdirSync(folder);
  const socket = join(folder, 'cri.sock');
  const engine = join(folder, 'engine.sock');
  const roots = ['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec')];
  const network = plugins
    ? ['--cni-conf-dir', plugins.configurations, '--cni-bin-dir', plugins.programs, '--bridge', 'none']
    : [];
  const daemon = launch(folder, join(dist, 'berthd'), [
    ...[...roots, '--pidfile', join(folder, 'pid'), '-H', `unix://${engine}`],
    ...['--cri', '--cri-socket', `unix://${socket}`, '--cri-network', plugins ? 'cni' : 'berth', ...network],
  ]);
  await until(`${name} to serve`, () => existsSync(socket) && existsSync(engine));
  const loaded = await call(engine, 'POST', '/images/load', await imageTar('bench', {}));
  if (loaded.status !== 200) throw new Error(`${name}: load: ${loaded.text}`);
  return { name, socket, process: daemon };
}

/** Starts containerd with runc, and with crun where it is installed. */
export async function startContainerd(top: string, plugins: Plugins, crun: string): Promise<Served> {
  const folder = join(top, 'containerd');
  mkdirSync(folder);
  const socket = join(folder, 'containerd.sock');
  const config = join(folder, 'config.toml');
  writeFileSync(config, configuration(folder, socket, plugins, crun));
  const daemon = launch(folder, 'containerd', ['--config', config]);
  await until('containerd to serve', () => existsSync(socket));
  const archive = join(folder, 'image.tar');
  for (const [name, options] of [
    ['bench', {}],
    // It sleeps longer than the containers, by which it is told from them.
    ['pause', { config: { Cmd: ['sleep', '1000000'] } }],
  ] as const) {
    writeFileSync(archive, await imageTar(name, options));
    const args = ['-a', socket, '-n', 'k8s.io', 'images', 'import', archive];
    const { status, stderr } = spawnSync('ctr', args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`ctr ${args.join(' ')}: ${stderr}`);
  }
  return { name: 'containerd', socket, process: daemon };
}

function configuration(folder: string, socket: string, plugins: Plugins, crun: string): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  const quoted = JSON.stringify;
  return `
version = 2
root = ${quoted(join(folder, 'root'))}
state = ${quoted(join(folder, 'state'))}
[grpc]
address = ${quoted(socket)}
[${cri}]
sandbox_image = ${quoted(PAUSE)}
restrict_oom_score_adj = true
[${cri}.cni]
bin_dir = ${quoted(plugins.programs)}
conf_dir = ${quoted(plugins.configurations)}
[${cri}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
${
  crun &&
  `[${cri}.containerd.runtimes.crun]
runtime_type = "io.containerd.runc.v2"
[${cri}.containerd.runtimes.crun.options]
BinaryName = ${quoted(crun)}`
}
`;
}
