import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Whether there is a desktop whose browser can be opened. Browsers do not run as root. */
export const hasDesktop = (env: NodeJS.ProcessEnv): boolean =>
  Boolean(env['DISPLAY'] || env['WAYLAND_DISPLAY']) && process.getuid?.() !== 0;

/**
 * Opens an address in the user's browser. The address holds a secret and command lines are read by everybody: the
 * browser is given a file of the user's alone that leads there. Returns what removes it.
 */
export function openBrowser(address: string, env: NodeJS.ProcessEnv): () => void {
  const base = env['XDG_RUNTIME_DIR'] || tmpdir();
  const folder = mkdtempSync(join(base, 'berth-ui-'));
  const file = join(folder, 'open.html');
  writeFileSync(
    file,
    `<!doctype html><meta http-equiv="refresh" content="0;url=${address}"><title>Berth</title>\n`,
    { mode: 0o600 },
  );
  const child = spawn(env['BROWSER']?.split(':')[0] || 'xdg-open', [file], {
    detached: true,
    stdio: 'ignore',
  });
  // No browser is no failure: the address is printed.
  child.on('error', () => undefined);
  child.unref();
  return () => rmSync(folder, { recursive: true, force: true });
}
