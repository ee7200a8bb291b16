import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { top } from '../../support/daemon.ts';

// The contents of the Debian package; that it installs, upgrades and purges is seen by `npm run package -- --test`.
const folder = mkdtempSync(join(tmpdir(), 'berth-package-'));
const tree = join(folder, 'tree');
const output = (command: string, args: string[], env: NodeJS.ProcessEnv = {}) =>
  spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, ...env } });
let deb = '';

beforeAll(() => {
  const script = [join(top, '.scripts/package.mjs'), '--deb', '--fast', '--out', folder];
  const made = output(process.execPath, ['--disable-warning=ExperimentalWarning', ...script], {
    DOCKER_CERT_PATH: '~/.docker',
  });
  expect(made.stderr).toBe('');
  deb = readdirSync(folder).find((name) => name.endsWith('.deb')) ?? '';
  expect(output('dpkg-deb', ['-R', join(folder, deb), tree]).stderr).toBe('');
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the programs run from where they were put, by nothing but what is there', () => {
  for (const program of ['usr/bin/berth', 'usr/sbin/berthd']) {
    const ran = output(join(tree, program), ['--version']);
    expect(ran.stderr).toBe('');
    expect(ran.stdout).toMatch(/^Berth version \d/);
  }
  const files = readdirSync(join(tree, 'usr/lib/berth/lib'));
  // Each part that the daemon loads when it needs it, and none of an earlier build.
  const parts = files.filter((name) => /^berthd-.*\.mjs$/.test(name));
  const text = parts
    .concat('berthd.mjs')
    .map((name) => readFileSync(join(tree, 'usr/lib/berth/lib', name), 'utf8'));
  const named = new Set(
    text.flatMap((source) => [...source.matchAll(/berthd-[A-Z0-9]{8}\.mjs/g)].map(String)),
  );
  expect(parts.sort()).toEqual([...named].sort());
  expect(statSync(join(tree, 'usr/lib/berth/lib/node')).mode & 0o777).toBe(0o755);
});

test('the page of berth ui is served from where it was put, with what its files name', async () => {
  const socket = join(folder, 'engine');
  const engine = createServer((_request, response) => {
    response.setHeader('Api-Version', '1.52').end('OK');
  });
  await new Promise<void>((resolve) => engine.listen(socket, resolve));
  const child = spawn(join(tree, 'usr/bin/berth'), ['-H', `unix://${socket}`, 'ui', '--no-open'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const address = line.toString().trim();
    expect(await (await fetch(address)).text()).toContain('/enter.js');
    const files = readdirSync(join(tree, 'usr/lib/berth/lib/ui'));
    expect(files).toEqual(
      expect.arrayContaining(['index.html', 'main.js', 'enter.js', 'page.css', 'icon.svg']),
    );
    for (const file of files)
      expect([file, (await fetch(new URL(file, address))).status]).toEqual([file, 200]);
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(existsSync(join(tree, 'usr/lib/berth/ui-pictures'))).toBe(false);
  } finally {
    child.kill('SIGKILL');
    engine.closeAllConnections();
    engine.close();
  }
});

test('the configuration as installed sets nothing, and lists every key with its default', () => {
  const file = join(tree, 'etc/berth/daemon.json');
  const checked = output(join(tree, 'usr/sbin/berthd'), ['--validate', '--config-file', file]);
  expect([checked.status, checked.stderr]).toEqual([0, 'configuration OK\n']);
  const text = readFileSync(file, 'utf8');
  for (const key of ['data-root', 'hosts', 'log-opts', 'dns', 'default-address-pools'])
    expect(text).toContain(`// "${key}": `);
  // With every comment taken away from a key it is still one that the daemon takes.
  const keys = text
    .split('\n')
    .filter((line) => /^ {2}\/\/ "/.test(line))
    .map((line) => line.slice(5));
  const all = JSON.parse(`{${keys.join('\n').replace(/,$/, '')}}`) as Record<string, unknown>;
  expect(Object.keys(all).length).toBeGreaterThan(50);
});

test('manual pages for every command, as man reads them; completions; units', () => {
  const man = join(tree, 'usr/share/man');
  const pages = readdirSync(join(man, 'man1'));
  for (const name of ['berth', 'berth-run', 'berth-ps', 'berth-network-create', 'berth-ui'])
    expect(pages).toContain(`${name}.1.gz`);
  expect(pages.length).toBeGreaterThan(90);
  expect(readdirSync(join(man, 'man8')).concat(readdirSync(join(man, 'man5')))).toEqual([
    'berthd.8.gz',
    'berth-daemon.json.5.gz',
  ]);
  const shown = output('sh', ['-c', `zcat ${man}/man1/berth-run.1.gz ${man}/man8/berthd.8.gz`]).stdout;
  expect(shown).toContain('\\fB\\-\\-rm\\fR');
  expect(shown).toContain('\\fB\\-\\-userns\\-remap\\fR');
  const share = join(tree, 'usr/share');
  for (const [file, shell] of [
    ['bash-completion/completions/berth', 'bash'],
    ['zsh/vendor-completions/_berth', 'zsh'],
    ['fish/vendor_completions.d/berth.fish', 'fish'],
  ] as const)
    expect(readFileSync(join(share, file), 'utf8')).toBe(
      output(join(tree, 'usr/bin/berth'), ['completion', shell]).stdout,
    );
  const unit = readFileSync(join(tree, 'usr/lib/systemd/system/berth.service'), 'utf8');
  for (const line of ['Type=notify', 'KillMode=process', 'Delegate=yes', 'WatchdogSec=60'])
    expect(unit).toContain(`\n${line}\n`);
});

test('the control files: scripts that sh takes, conffiles that exist, sums that hold', () => {
  const control = join(tree, 'DEBIAN');
  for (const script of ['postinst', 'prerm', 'postrm'])
    expect(output('sh', ['-n', join(control, script)])).toMatchObject({ status: 0, stderr: '' });
  for (const file of readFileSync(join(control, 'conffiles'), 'utf8').trim().split('\n'))
    expect(existsSync(join(tree, file))).toBe(true);
  expect(output('sh', ['-c', `cd ${tree} && md5sum --quiet -c DEBIAN/md5sums`])).toMatchObject({
    status: 0,
    stdout: '',
  });
  const listed = output('dpkg-deb', ['-c', join(folder, deb)]).stdout;
  expect(listed.split('\n').filter((line) => line && !/ root\/root /.test(line))).toEqual([]);
  // Nothing that the group or others may change.
  expect(listed.split('\n').filter((line) => /^[d-]....w|^[d-].......w/.test(line))).toEqual([]);
});

test('the reference of the configuration is the one that the flags make', async () => {
  const script = `import(${JSON.stringify(join(top, '.scripts/package/manual.mjs'))}).then(async (m) => process.stdout.write(await m.configurationReference()))`;
  const made = output(process.execPath, ['--disable-warning=ExperimentalWarning', '-e', script], {
    DOCKER_CERT_PATH: '~/.docker',
  });
  expect(readFileSync(join(top, 'packages/daemon/docs/configuration.md'), 'utf8')).toBe(made.stdout);
});
