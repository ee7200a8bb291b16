// Layers mounted from their files, and as folders.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { TestDaemon } from '../../support/daemon.ts';

import { check, inside, remove, sleeper } from './check.ts';

check('layers: mounted from their files, without loop devices; volatile for --rm', (daemon) => {
  assert.match(inside(daemon, [], 'grep " / " /proc/mounts'), /^overlay \/ overlay rw,.*volatile/);
  const id = sleeper(daemon);
  assert.match(readFileSync('/proc/filesystems', 'utf8'), /\terofs\n/);
  assert.deepEqual(
    readdirSync('/sys/block').filter((name) => existsSync(`/sys/block/${name}/loop`)),
    [],
  );
  daemon.berth(['exec', id, 'sh', '-c', 'echo new > /new; rm /bin/wget']);
  assert.equal(daemon.berth(['diff', id]).stdout, 'C /bin\nD /bin/wget\nA /new\n');
  daemon.berth(['commit', id, 'changed']);
  assert.equal(daemon.berth(['run', '--rm', 'changed', 'cat', '/new']).stdout, 'new\n');
  remove(daemon, id);
});

check('layers as folders', async () => {
  const daemon = await TestDaemon.start(['--storage-opt', 'berth.layers=folder']);
  try {
    assert.equal((await daemon.call('GET', '/info')).json.DriverStatus[0][1], 'overlay-folder');
    assert.equal(inside(daemon, [], 'echo new > /new; cat /new'), 'new\n');
    const id = sleeper(daemon);
    daemon.berth(['exec', id, 'sh', '-c', 'echo new > /new; rm /bin/wget']);
    assert.equal(daemon.berth(['diff', id]).stdout, 'C /bin\nD /bin/wget\nA /new\n');
    daemon.berth(['commit', id, 'changed']);
    assert.equal(daemon.berth(['run', '--rm', 'changed', 'cat', '/new']).stdout, 'new\n');
    remove(daemon, id);
  } finally {
    await daemon.dispose();
  }
});
