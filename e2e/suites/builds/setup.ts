import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestDaemon } from '../../support/daemon.ts';

export let daemon: TestDaemon;
/** The folder of the context. */
export let context: string;
/** Starts a daemon, and makes a folder for a context. */
export function withBuilds(): void {
  beforeAll(async () => {
    daemon = await TestDaemon.start();
    context = mkdtempSync(join(tmpdir(), 'builds-'));
  });
  afterAll(async () => {
    await daemon?.dispose();
    rmSync(context, { recursive: true, force: true });
  });
}

/** Builds by one of the two builders; what it says. */
export function build(builder: 'classic' | 'buildkit', dockerfile: string, ...args: string[]): string {
  writeFileSync(join(context, 'Dockerfile'), dockerfile);
  const ran = daemon.docker(['build', '-t', 'made', ...args, context], {
    env: { DOCKER_BUILDKIT: builder === 'buildkit' ? '1' : '0', BUILDKIT_PROGRESS: 'plain' },
  });
  return `${ran.stdout}${ran.stderr}`;
}

/** A member of an image, by a template. */
export const inspect = (format: string, image = 'made') =>
  daemon.docker(['image', 'inspect', '-f', format, image]).stdout.trim();
/** The output of a program of the image that was made. */
export const run = (...command: string[]) => daemon.docker(['run', '--rm', 'made', ...command]).stdout.trim();
