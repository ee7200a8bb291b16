import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OWN_NAMESPACES } from '../../support/own-host.ts';

/** Pods through the Container Runtime Interface, in namespaces of their own: daemons, links and rules end with these. */
export async function cri(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-cri-'));
  try {
    const program = join(import.meta.dirname, 'main.ts');
    const args = [...OWN_NAMESPACES, process.execPath, ...process.execArgv, program, folder];
    const child = spawn('unshare', args, { stdio: 'inherit' });
    const status = await new Promise((resolve) => child.once('exit', (code) => resolve(code)));
    if (status !== 0) throw new Error(`the benchmark of pods ended with ${status}`);
  } finally {
    if (process.env['KEEP'] === undefined) rmSync(folder, { recursive: true, force: true });
  }
}
