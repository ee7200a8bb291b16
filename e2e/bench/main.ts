// Berth beside Debian's dockerd, by turns, in one run: `npm run bench [name ...]`. Prints medians and ratios.

import { loadavg } from 'node:os';
import { cached } from './cached.ts';
import { cri } from './cri/index.ts';
import { Engine } from './engines.ts';
import { images } from './images.ts';
import { logs } from './logs.ts';
import { memory } from './memory.ts';
import { project } from './project/index.ts';
import { scale } from './scale.ts';
import { cycles, exec, growth, parallel, runCommand } from './starts.ts';
import { traffic } from './traffic.ts';

const all = { cycles, exec, run: runCommand, parallel, growth, logs, memory, traffic, images, cached };
/** Run only when asked for: these take minutes. */
const long = { project, scale };
/** These start daemons of their own; run only when asked for. */
const apart = { cri };
const wanted = process.argv.slice(2);
for (const name of wanted) {
  if (!(name in all) && !(name in long) && !(name in apart)) {
    const names = Object.keys({ ...all, ...long, ...apart });
    process.stderr.write(`no benchmark ${name}; there are: ${names.join(' ')}\n`);
    process.exit(1);
  }
}

for (const [name, benchmark] of Object.entries(apart)) if (wanted.includes(name)) await benchmark();
if (wanted.length > 0 && wanted.every((name) => name in apart)) process.exit();

const docker = await new Engine('docker').start();
const berth = await new Engine('berth').start();
try {
  process.stdout.write(
    `load average ${loadavg()[0]!.toFixed(2)}\n${'what'.padEnd(44)} ${'berth'.padStart(10)} ${'dockerd'.padStart(10)}\n`,
  );
  for (const engine of [berth, docker]) await engine.importBusybox();
  for (const [name, benchmark] of Object.entries(all)) {
    if (wanted.length === 0 || wanted.includes(name)) await benchmark({ berth, docker });
  }
  for (const [name, benchmark] of Object.entries(long))
    if (wanted.includes(name)) await benchmark({ berth, docker });
} finally {
  await berth.stop();
  await docker.stop();
}
