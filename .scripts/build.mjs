// Builds packages/native/build and dist. Runs on the pinned Node. With `--failpoints` it builds dist/failpoints instead: a
// daemon whose system calls fail on demand, for `npm run faults`.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { root, run } from './lib.mjs';

const failing = process.argv.includes('--failpoints');
const dist = join(root, failing ? 'dist/failpoints' : 'dist');
mkdirSync(join(dist, 'lib'), { recursive: true });
// BERTH_SANITIZE=1: the C core under the address and undefined-behaviour sanitizers, for the end-to-end suites.
const sanitize = process.env['BERTH_SANITIZE'] === '1';
const native = failing ? 'berth-native-failpoints' : sanitize ? 'sanitized/berth-native' : 'berth-native';
const wanted = failing ? [`build/${native}`] : sanitize ? ['SANITIZE=1'] : [];
run('make', ['-s', '-j2', '-C', join(root, 'packages', 'native'), ...wanted]);
// Written aside and renamed: a running daemon keeps the old file.
copyFileSync(join(root, 'packages/native/build', native), join(dist, 'lib/.berth-native'));
chmodSync(join(dist, 'lib/.berth-native'), 0o755);
renameSync(join(dist, 'lib/.berth-native'), join(dist, 'lib/berth-native'));
if (existsSync(join(root, '.scripts/generate-api.mjs')))
  run(process.execPath, [join(root, '.scripts/generate-api.mjs')]);

const common = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  external: ['koffi'],
  legalComments: 'none',
  loader: { '.html': 'text' },
  logLevel: 'warning',
};
const program = (name, nodeFlags, file, environment = '') =>
  writeFileSync(
    join(dist, name),
    `#!/bin/sh
# A symlink to this file works from any folder; without one no program is started to find that out.
self=$0
case $self in */*) ;; *) self=./$self ;; esac
[ -L "$self" ] && self=$(readlink -f "$self")
here=\${self%/*}
# Without the dashes Node would take --env-file for an option of its own, wherever it stands.
${environment}exec "$here/${failing ? '../' : ''}../node_modules/node-linux-${process.arch}/bin/node" ${nodeFlags}-- "$here/lib/${file}" "$@"
`,
    { mode: 0o755 },
  );

if (existsSync(join(root, 'packages/daemon/src/main.ts'))) {
  await build({
    ...common,
    plugins: failing ? [(await import('./failpoints.mjs')).failpoints] : [],
    entryPoints: {
      berthd: join(root, 'packages/daemon/src/main.ts'),
      'berthd-logs': join(root, 'packages/daemon/src/logging/deliver/worker.ts'),
    },
    outdir: join(dist, 'lib'),
    outExtension: { '.js': '.mjs' },
    chunkNames: 'berthd-[hash]',
    // Code that few requests need (registries, BuildKit) is in files of its own, read when it is first needed. A
    // daemon that
    // runs keeps finding the files of its own build: they are named by their content and stay.
    splitting: true,
    format: 'esm',
    // Names stay, for the stacks in the log.
    minifyWhitespace: true,
    minifySyntax: true,
    banner: {
      js: "import { createRequire as berthCreateRequire } from 'node:module'; const require = berthCreateRequire(import.meta.url);",
    },
  });
  // Optimized after few calls: a request runs most of what it runs once. A small nursery: a daemon's garbage is little and
  // its idle memory counts. The old generation may grow to two and a half times what lives before it is marked: V8 counts
  // buffers on their way as part of it.
  program(
    'berthd',
    '--always-sparkplug --invocation-count-for-maglev=60 --minimum-invocations-after-ic-update=60 ' +
      '--max-semi-space-size=4 --heap-growing-percent=150 --disable-warning=ExperimentalWarning ',
    'berthd.mjs',
    // Each of Node's many threads would keep a malloc arena of its own.
    'MALLOC_ARENA_MAX=2 ',
  );
}

if (!failing && existsSync(join(root, 'packages/client/src/main.ts'))) {
  // The client lives for milliseconds: CommonJS in one small file starts fastest, and V8's code for what most commands
  // run is kept beside it. A command's module is run only when it is called.
  const small = { ...common, format: 'cjs', minify: true };
  // Only builds speak gRPC: what that needs is in a file of its own, read by the first build step.
  const apart = {
    name: 'grpc-apart',
    setup: ({ onResolve }) =>
      onResolve({ filter: /^@berth\/grpc$/ }, () => ({ path: './berth-grpc.cjs', external: true })),
  };
  await build({
    ...small,
    entryPoints: [join(root, 'packages/client/src/main.ts')],
    outfile: join(dist, 'lib/berth-main.cjs'),
    plugins: [apart],
  });
  await build({
    ...small,
    entryPoints: [join(root, 'packages/grpc/src/index.ts')],
    outfile: join(dist, 'lib/berth-grpc.cjs'),
  });
  writeFileSync(
    join(dist, 'lib/berth.cjs'),
    `require('node:module').enableCompileCache(__dirname + '/berth-cache');\nrequire('./berth-main.cjs');\n`,
  );
  // At the exit Node waits for V8's threads, and one that compiles may wait, for ever, for a collection by the main thread.
  program('berth', '--no-concurrent-sparkplug --no-concurrent-recompilation ', 'berth.cjs');
  rmSync(join(dist, 'lib/berth-cache'), { recursive: true, force: true });
  // Ends with an error, for want of a daemon, after most of what such a command runs.
  spawnSync(join(dist, 'berth'), ['-H', 'unix:///nonexistent', 'run', '--rm', 'busybox', 'true'], {
    stdio: 'ignore',
  });
}
