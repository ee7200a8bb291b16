// Every check: set-up, lint, types, C tests, jest (unit and end to end), and that nothing was left behind.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aptInstall, fail, missingPackages, pinnedNode, root, run } from './lib.mjs';
import { compareTraces, traces } from './traces.mjs';

if (process.getuid() !== 0) fail('the tests make containers: run them as root');
run(process.execPath, [join(root, '.scripts', 'setup.mjs')]);
aptInstall(
  missingPackages({
    'apache2-utils': '/usr/bin/htpasswd',
    'docker-buildx': '/usr/libexec/docker/cli-plugins/docker-buildx',
    'docker-cli': '/usr/bin/docker',
    'docker-compose': '/usr/libexec/docker/cli-plugins/docker-compose',
    'docker-registry': '/usr/bin/docker-registry',
    'erofs-utils': '/usr/bin/mkfs.erofs',
    'bind9-dnsutils': '/usr/bin/dig',
    buildah: '/usr/bin/buildah',
    chromium: '/usr/bin/chromium',
    'containernetworking-plugins': '/usr/lib/cni/bridge',
    criu: '/usr/sbin/criu',
    crun: '/usr/bin/crun',
    curl: '/usr/bin/curl',
    iperf3: '/usr/bin/iperf3',
    iproute2: '/usr/bin/ip',
    mmdebstrap: '/usr/bin/mmdebstrap',
    nftables: '/usr/sbin/nft',
    openssl: '/usr/bin/openssl',
    promtool: '/usr/bin/promtool',
    runc: '/usr/sbin/runc',
    runsc: '/usr/bin/runsc',
    skopeo: '/usr/bin/skopeo',
    umoci: '/usr/bin/umoci',
    zstd: '/usr/bin/zstd',
  }),
);

const wantedOnly = process.argv.slice(2);
if (wantedOnly.length === 0) {
  run(pinnedNode, [join(root, 'node_modules/@biomejs/biome/bin/biome'), 'check', '--error-on-warnings', '.']);
  run(pinnedNode, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json']);
  // The page's code knows browsers and no Node.
  run(pinnedNode, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'packages/ui/tsconfig.json']);
  run(pinnedNode, [join(root, '.scripts/rooms.mjs')]);
  run(pinnedNode, [join(root, '.scripts/documents.mjs')]);
  run(pinnedNode, [join(root, '.scripts/lint-api.mjs')]);
  run('make', ['-s', '-j2', '-C', join(root, 'packages/native'), 'check', 'check-format', 'lint']);
}

const before = traces();
const folder = mkdtempSync(join(tmpdir(), 'berth-test-'));
const environment = {
  ...process.env,
  PATH: `${join(root, 'node_modules', `node-linux-${process.arch}`, 'bin')}:${process.env.PATH}`,
};

/** Runs jest on files matching the patterns; returns its report. */
function jest(patterns, name) {
  const report = join(folder, `${name}.json`);
  const args = [
    '--disable-warning=ExperimentalWarning',
    join(root, 'node_modules/jest/bin/jest.js'),
    '-c',
    join(root, '.scripts/jest.config.mjs'),
    '--runInBand',
    '--forceExit',
    '--json',
    `--outputFile=${report}`,
  ];
  const result = spawnSync(
    pinnedNode,
    [...args, ...patterns.flatMap((pattern) => ['--testPathPatterns', pattern])],
    {
      cwd: root,
      env: environment,
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  if (result.error) fail(`jest: ${result.error.message}`);
  try {
    return JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    fail(`jest ended without a report (${result.signal ?? `exit status ${result.status}`})`);
  }
}

const first = jest(wantedOnly, 'first');
const failedFiles = first.testResults.filter((file) => file.status === 'failed').map((file) => file.name);
let failed = failedFiles.length;
const flaky = [];
if (failed > 0 && failed <= 10) {
  // A suite that drives a kernel, two engines and a registry on two cores can meet a slow moment; one that is broken
  // fails twice. Both runs are shown, and what passed at the second try is listed at the end.
  process.stdout.write(
    `\nonce more, alone: ${failedFiles.map((file) => file.slice(root.length + 1)).join(' ')}\n`,
  );
  const second = jest(failedFiles, 'second');
  failed = second.numFailedTestSuites;
  flaky.push(...second.testResults.filter((file) => file.status !== 'failed').map((file) => file.name));
}
rmSync(folder, { recursive: true, force: true });
const left = await compareTraces(before);
for (const line of left) process.stderr.write(`left behind: ${line}\n`);
const skipped = first.testResults.flatMap((file) =>
  file.assertionResults
    .filter((test) => test.status === 'pending')
    .map((test) => `${file.name.slice(root.length + 1)}: ${test.fullName}`),
);
for (const name of skipped) process.stdout.write(`skipped: ${name}\n`);
// One that passes at the second try is no failure yet, and no secret either.
for (const name of flaky) process.stdout.write(`flaky: ${name.slice(root.length + 1)}\n`);
process.stdout.write(
  `${first.numPassedTests} passed, ${failed} failed, ${flaky.length} flaky, ${skipped.length} skipped\n`,
);
if (failed > 0 || left.length > 0) process.exit(1);
