// Builds packages/native/build and dist. Runs on the pinned Node.
import { chmodSync, copyFileSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { root, run } from './lib.mjs';

const dist = join(root, 'dist');
mkdirSync(join(dist, 'lib'), { recursive: true });
run('make', ['-s', '-j2', '-C', join(root, 'packages', 'native')]);
// Written aside and renamed: a running daemon keeps the old file.
copyFileSync(join(root, 'packages/native/build/berth-native'), join(dist, 'lib/.berth-native'));
chmodSync(join(dist, 'lib/.berth-native'), 0o755);
renameSync(join(dist, 'lib/.berth-native'), join(dist, 'lib/berth-native'));
if (existsSync(join(root, '.scripts/generate-api.mjs')))
  run(process.execPath, [join(root, '.scripts/generate-api.mjs')]);

for (const [name, entry] of [
  ['berthd', 'packages/daemon/src/main.ts'],
  ['berth', 'packages/client/src/main.ts'],
]) {
  if (!existsSync(join(root, entry))) continue;
  await build({
    entryPoints: [join(root, entry)],
    outfile: join(dist, 'lib', `${name}.mjs`),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    external: ['koffi'],
    legalComments: 'none',
    banner: {
      js: "import { createRequire as berthCreateRequire } from 'node:module'; const require = berthCreateRequire(import.meta.url);",
    },
    loader: { '.html': 'text' },
    logLevel: 'warning',
  });
  const flags = name === 'berthd' ? '--always-sparkplug ' : '';
  writeFileSync(
    join(dist, name),
    `#!/bin/sh
# The path is resolved so that a symlink to this file works from any folder.
here=$(dirname "$(readlink -f "$0")")
exec "$here/../node_modules/node-linux-${process.arch}/bin/node" ${flags}--disable-warning=ExperimentalWarning "$here/lib/${name}.mjs" "$@"
`,
    { mode: 0o755 },
  );
}
