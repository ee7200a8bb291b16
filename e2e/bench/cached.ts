import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Engine } from './engines.ts';
import { alternate, report } from './measure.ts';

const FOLDERS = 20;
const FILES = 100;

/** A build whose steps are all in the cache, of a context of 2,000 files: by Docker's client, and by each engine's own. */
export async function cached(engines: { berth: Engine; docker: Engine }): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-cached-'));
  try {
    for (let index = 0; index < FOLDERS * FILES; index++) {
      const inner = join(folder, `d${index % FOLDERS}`);
      mkdirSync(inner, { recursive: true });
      writeFileSync(join(inner, `f${index}`), `${index}\n`.repeat(50));
    }
    writeFileSync(join(folder, 'Dockerfile'), 'FROM busybox\nCOPY . /src\nRUN ls /src >/list\n');
    const build = (program: string, { host }: Engine) => {
      const ran = spawnSync(program, ['build', '-q', '-t', 'cached', folder], {
        encoding: 'utf8',
        env: { ...process.env, DOCKER_HOST: host, BERTH_HOST: host, DOCKER_BUILDKIT: '1' },
      });
      if (ran.status !== 0) throw new Error(`${program} build: ${ran.stderr}`);
    };
    const clients: Array<[string, (engine: Engine) => string]> = [
      ['cached build, 2,000 files, docker build', () => 'docker'],
      ['the same, berth build beside docker build', ({ client }) => client],
    ];
    for (const [what, client] of clients) {
      const { berth, docker } = await alternate(engines, 20, (engine) => build(client(engine), engine));
      report(what, berth, docker, 'ms', '1/2', 'less');
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
