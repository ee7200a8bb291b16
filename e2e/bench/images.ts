import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../support/daemon.ts';
import type { Engine } from './engines.ts';
import { median, report, timed } from './measure.ts';

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** A Debian root as a tar (made once per run by mmdebstrap). */
function debianTar(folder: string): string {
  const file = join(folder, 'debian.tar');
  // A mirror may be older than its signature lasts.
  const stale = '--aptopt=Acquire::Check-Valid-Until "false"';
  const made = spawnSync('mmdebstrap', ['--variant=minbase', '--quiet', stale, 'stable', file], {
    encoding: 'utf8',
  });
  if (made.status !== 0 || !existsSync(file)) throw new Error(`mmdebstrap: ${made.stderr}`);
  return file;
}

/** Pull, first run, load, save and push of a Debian root with twelve more layers, from a registry on loopback. */
export async function images(engines: { berth: Engine; docker: Engine }): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-images-'));
  const port = await freePort();
  const registry = `127.0.0.1:${port}`;
  mkdirSync(join(folder, 'registry'));
  writeFileSync(
    join(folder, 'registry.yml'),
    `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${join(folder, 'registry')}}, delete: {enabled: true}}\nhttp: {addr: "${registry}"}\n`,
  );
  const server = spawn('docker-registry', ['serve', join(folder, 'registry.yml')], { stdio: 'ignore' });
  try {
    await until('the registry', () =>
      fetch(`http://${registry}/v2/`).then(
        (answer) => answer.ok,
        () => false,
      ),
    );
    const context = join(folder, 'context');
    mkdirSync(context);
    const base = debianTar(folder);
    for (let index = 0; index < 12; index++) writeFileSync(join(context, `f${index}`), randomBytes(2 << 20));
    writeFileSync(
      join(context, 'Dockerfile'),
      [
        'FROM debian-root',
        ...Array.from({ length: 12 }, (_, index) => `COPY f${index} /data/`),
        'CMD ["/bin/true"]',
      ].join('\n'),
    );
    const name = `${registry}/bench/debian:latest`;
    const made = engines.docker;
    made.cli(['import', base, 'debian-root']);
    const env = { ...process.env, DOCKER_HOST: made.host, DOCKER_BUILDKIT: '0' };
    const built = spawnSync('docker', ['build', '-q', '-t', name, context], { env, encoding: 'utf8' });
    if (built.status !== 0) throw new Error(`build: ${built.stderr}`);
    made.cli(['push', '-q', name]);
    const archive = join(folder, 'image.tar');
    made.cli(['save', '-o', archive, name]);

    const drop = (engine: Engine) => {
      spawnSync(engine.client, ['rmi', '-f', name], {
        env: { ...process.env, DOCKER_HOST: engine.host, BERTH_HOST: engine.host },
        stdio: 'ignore',
      });
      engine.cli(['image', 'prune', '-af', '--filter', 'label!=keep']);
    };
    const compare = async (
      what: string,
      target: string,
      prepare: (engine: Engine) => void,
      work: (engine: Engine, round: number) => unknown,
      rounds = 5,
    ) => {
      const times: Record<'berth' | 'docker', number[]> = { berth: [], docker: [] };
      for (let round = 0; round < rounds; round++) {
        for (const engine of round % 2 ? [engines.berth, engines.docker] : [engines.docker, engines.berth]) {
          prepare(engine);
          // Pages that one engine has not written yet must not be written in the other's time.
          spawnSync('sync');
          times[engine.name].push(await timed(() => work(engine, round)));
        }
      }
      report(what, median(times.berth), median(times.docker), 'ms', target, 'less');
    };
    await compare('pull', '1/4', drop, (engine) => engine.cli(['pull', '-q', name]));
    await compare('pull and first run', '1/4', drop, (engine) => engine.cli(['run', '--rm', name]));
    await compare('load', '1/5', drop, (engine) => engine.cli(['load', '-q', '-i', archive]));
    await compare(
      'save',
      '1/2',
      () => undefined,
      (engine) => engine.cli(['save', '-o', join(folder, `saved-${engine.name}.tar`), name]),
    );
    await compare(
      'push, known to the registry',
      '1/2',
      () => undefined,
      (engine) => engine.cli(['push', '-q', name]),
    );
    await compare(
      'push, new content',
      '1/2',
      (engine) => {
        // A layer that no registry has seen: half of it compresses, half does not.
        const extra = join(folder, 'extra');
        rmSync(extra, { recursive: true, force: true });
        mkdirSync(extra);
        writeFileSync(join(extra, 'random'), randomBytes(32 << 20));
        writeFileSync(
          join(extra, 'text'),
          Buffer.from(
            randomBytes(1 << 20)
              .toString('hex')
              .repeat(16),
          ),
        );
        const tar = spawnSync('tar', ['-C', extra, '-c', '.'], { maxBuffer: 1 << 28 }).stdout;
        engine.cli(['import', '-', `${registry}/bench/new-${engine.name}:latest`], { input: tar });
      },
      (engine) => engine.cli(['push', '-q', `${registry}/bench/new-${engine.name}:latest`]),
      3,
    );
  } finally {
    server.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}
