// Builds packages/native/build and dist. Runs on the pinned Node. With `--failpoints` it builds dist/failpoints instead: a
// daemon whose system calls fail on demand, for `npm run faults`.
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build } from 'esbuild';
import { pinnedNode, root, run } from './lib.mjs';

const failing = process.argv.includes('--failpoints');
const dist = join(root, failing ? 'dist/failpoints' : 'dist');
mkdirSync(join(dist, 'lib'), { recursive: true });
// BERTH_SANITIZE=1: the C core under the address and undefined-behaviour sanitizers, for the end-to-end suites.
const sanitize = process.env['BERTH_SANITIZE'] === '1';
const native = failing ? 'berth-native-failpoints' : sanitize ? 'sanitized/berth-native' : 'berth-native';
// Texts that the client's front says in the client's place; the client's TypeScript is asked.
run(process.execPath, ['--disable-warning=ExperimentalWarning', join(root, '.scripts/generate-front.mjs')], {
  env: { ...process.env, DOCKER_DEFAULT_PLATFORM: '' },
});
// The reference of the configuration follows the flags, that of the audit its rules.
run(
  process.execPath,
  ['--disable-warning=ExperimentalWarning', join(root, '.scripts/package.mjs'), '--reference'],
  {
    env: { ...process.env, DOCKER_CERT_PATH: '~/.docker' },
  },
);
const wanted = failing ? [`build/${native}`] : sanitize ? ['SANITIZE=1'] : [];
run('make', ['-s', '-j2', '-C', join(root, 'packages', 'native'), ...wanted]);
// Written aside and renamed: a running daemon keeps the old file.
copyFileSync(join(root, 'packages/native/build', native), join(dist, 'lib/.berth-native'));
chmodSync(join(dist, 'lib/.berth-native'), 0o755);
renameSync(join(dist, 'lib/.berth-native'), join(dist, 'lib/berth-native'));
if (existsSync(join(root, '.scripts/generate-api.mjs')))
  run(process.execPath, [join(root, '.scripts/generate-api.mjs')]);

// dist stands on its own, wherever it is moved: it has its Node (a link to npm's where the file system has links; `cp` and
// `tar` make a file of it) and koffi.
const node = join(dist, 'lib/node');
if (!existsSync(node) || statSync(node).size !== statSync(pinnedNode).size) {
  rmSync(node, { force: true });
  try {
    linkSync(pinnedNode, node);
  } catch {
    copyFileSync(pinnedNode, node);
  }
}
const koffi = realpathSync(join(root, 'node_modules/koffi'));
const { version: koffiVersion } = createRequire(import.meta.url)(join(koffi, 'package.json'));
const modules = join(dist, 'lib/node_modules');
if (!existsSync(join(modules, `.koffi-${koffiVersion}`))) {
  rmSync(modules, { recursive: true, force: true });
  const platform = `@koromix/koffi-linux-${process.arch}`;
  const file = (path) => !/\/(doc|vendor|lib|musl_[a-z0-9]+)$|\.(md|h|hh|cc|ts)$/.test(path);
  cpSync(koffi, join(modules, 'koffi'), { recursive: true, filter: file });
  cpSync(realpathSync(join(koffi, '..', platform)), join(modules, platform), {
    recursive: true,
    filter: file,
  });
  writeFileSync(join(modules, `.koffi-${koffiVersion}`), '');
}

/** The page that `berth ui` serves: dist/lib/ui. What few of its views need is in files of their own. */
async function buildPage() {
  const ui = join(root, 'packages/ui');
  const out = join(dist, 'lib/ui');
  rmSync(out, { recursive: true, force: true });
  await build({
    bundle: true,
    platform: 'browser',
    target: 'es2023',
    format: 'esm',
    splitting: true,
    minify: true,
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    logLevel: 'warning',
    entryPoints: { main: join(ui, 'src/main.tsx'), enter: join(ui, 'src/enter.ts') },
    chunkNames: '[name]-[hash]',
    outdir: out,
  });
  for (const file of ['index.html', 'icon.svg']) copyFileSync(join(ui, 'page', file), join(out, file));
  const ofLibrary = createRequire(join(ui, 'package.json'));
  const styles = [
    join(ui, 'page/page.css'),
    ofLibrary.resolve('uplot/dist/uPlot.min.css'),
    ofLibrary.resolve('@xterm/xterm/css/xterm.css'),
  ];
  writeFileSync(join(out, 'page.css'), styles.map((file) => readFileSync(file, 'utf8')).join('\n'));
}

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
${environment}exec "$here/lib/node" ${nodeFlags}-- "$here/lib/${file}" "$@"
`,
    { mode: 0o755 },
  );

// An import of node:http reads each of its exports, and those of fetch load undici, a seventh of the daemon's start; asked
// for as a whole, they are read when they are used.
const lazyHttp = {
  name: 'lazy-http',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^(node:)?http$/ }, () => ({ path: 'node:http', namespace: 'builtin' }));
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule('${path}')`,
    }));
  },
};

if (existsSync(join(root, 'packages/daemon/src/main.ts'))) {
  await build({
    ...common,
    plugins: [lazyHttp, ...(failing ? [(await import('./failpoints.mjs')).failpoints] : [])],
    entryPoints: {
      berthd: join(root, 'packages/daemon/src/main.ts'),
      // Threads of the daemon.
      'berthd-logs': join(root, 'packages/daemon/src/logging/deliver/worker.ts'),
      'berthd-analysis': join(root, 'packages/daemon/src/images/analysis/worker.ts'),
      'berthd-scan': join(root, 'packages/daemon/src/audit/worker.ts'),
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
  // Without the accessor `__proto__` of all objects a network or a label of that name is an entry of a map like any other.
  // Optimized after few calls: a request runs most of what it runs once. A small nursery: a daemon's garbage is little and
  // its idle memory counts. The old generation may grow to two and a half times what lives before it is marked: V8 counts
  // buffers on their way as part of it.
  program(
    'berthd',
    '--disable-proto=delete --always-sparkplug --invocation-count-for-maglev=60 --minimum-invocations-after-ic-update=60 ' +
      '--max-semi-space-size=4 --heap-growing-percent=150 --disable-warning=ExperimentalWarning ',
    'berthd.mjs',
    // Each of Node's many threads would keep a malloc arena of its own.
    'MALLOC_ARENA_MAX=2 ',
  );
}

if (!failing && existsSync(join(root, 'packages/client/src/main.ts'))) {
  // The client lives for milliseconds: CommonJS in one small file starts fastest, and V8's code for what most commands
  // run is kept beside it. A command's module is run only when it is called.
  // A script with a cache of its own has no `import()`.
  const small = { ...common, format: 'cjs', minify: true, supported: { 'dynamic-import': false } };
  // Only the page in the browser speaks WebSocket: what that needs is in a file of its own, read when it is first needed.
  const apart = {
    name: 'apart',
    setup: ({ onResolve }) =>
      onResolve({ filter: /^ws$/ }, () => ({ path: './berth-ws.cjs', external: true })),
  };
  await build({
    ...small,
    entryPoints: [join(root, 'packages/client/src/main.ts')],
    outfile: join(dist, 'lib/berth-main.cjs'),
    plugins: [apart],
  });
  await build({
    ...small,
    stdin: { contents: "export * from 'ws';", resolveDir: join(root, 'packages/client') },
    outfile: join(dist, 'lib/berth-ws.cjs'),
  });
  await buildPage();
  // V8 takes a cache for one of this text when the length is the same: one of an earlier build goes before anything runs.
  rmSync(join(dist, 'lib/berth.cache'), { force: true });
  // V8's code is kept beside it for whoever runs it, wherever dist lies; Node's own cache is each user's. V8 refuses one of
  // another version or other flags, and compiles.
  writeFileSync(
    join(dist, 'lib/berth.cjs'),
    `const { readFileSync } = require('node:fs');
const { Script } = require('node:vm');
const filename = __dirname + '/berth-main.cjs';
let cachedData;
try {
  cachedData = readFileSync(__dirname + '/berth.cache');
} catch {}
const text = '(function(exports,require,module,__filename,__dirname){' + readFileSync(filename, 'utf8') + '\\n})';
const script = new Script(text, { filename, cachedData });
exports.script = script;
script.runInThisContext()({}, require, module, filename, __dirname);
`,
  );
  // The front runs the hottest commands itself, and Node for all others. Written aside and renamed: it may be running.
  copyFileSync(join(root, 'packages/native/build/berth'), join(dist, '.berth'));
  chmodSync(join(dist, '.berth'), 0o755);
  renameSync(join(dist, '.berth'), join(dist, 'berth'));
  run(pinnedNode, [
    '--disable-warning=ExperimentalWarning',
    join(root, '.scripts/client/warm.mjs'),
    join(dist, 'lib'),
  ]);
}
