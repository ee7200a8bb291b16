import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sleep, TestDaemon, top, until } from '../support/daemon.ts';

/* A daemon in a PID namespace of its own, as in a container. */

const folder = mkdtempSync(join(tmpdir(), 'berth-nested-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs berthd in a new PID namespace; a signal to the script reaches it, and the script lives as long. */
function nested(): string {
  const program = join(folder, 'berthd');
  const script = `#!/bin/sh
unshare --pid --fork --mount-proc --kill-child ${join(top, 'dist/berthd')} "$@" &
outer=$!
trap 'kill -TERM $(cat /proc/$outer/task/$outer/children)' TERM
while kill -0 $outer 2>/dev/null; do wait $outer; done
`;
  writeFileSync(program, script);
  chmodSync(program, 0o755);
  return program;
}

test('the daemon knows its own changes of the firewall from those of others', async () => {
  const daemon = new TestDaemon([], { program: nested() });
  try {
    await daemon.up();
    const restored = () => daemon.log.split('changed from outside').length - 1;
    for (const Name of ['n1', 'n2', 'n3']) await daemon.call('POST', '/networks/create', { Name });
    await sleep(300);
    expect(restored()).toBe(0);
    spawnSync('nft', ['add', 'chain', 'inet', await daemon.table(), 'strange']);
    await until('the firewall to be restored', () => restored() === 1, 5000);
    // Nor does it take the restoration for a change.
    await sleep(300);
    expect(restored()).toBe(1);
  } finally {
    await daemon.dispose();
  }
});
