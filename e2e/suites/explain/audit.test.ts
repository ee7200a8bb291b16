import { TestDaemon } from '../../support/daemon.ts';
import { tarOfEntries } from '../../support/tar.ts';
import { type Sarif, sarifProblems } from './sarif.ts';

let daemon: TestDaemon;
const SECRET = 'ghp_0123456789abcdefghijklmnopqrstuvwxyz';

beforeAll(async () => {
  daemon = await TestDaemon.start();
  await daemon.box(
    ['sleep', '1000'],
    {
      Env: [`TOKEN=${SECRET}`],
      HostConfig: {
        Privileged: true,
        PidMode: 'host',
        NetworkMode: 'host',
        Binds: ['/etc:/host', `${daemon.socket}:/var/run/docker.sock`],
      },
    },
    'bad',
  );
  await daemon.call('POST', '/networks/create', { Name: 'own' });
  await daemon.box(
    ['sleep', '1000'],
    {
      User: '1000',
      Healthcheck: { Test: ['CMD', 'true'], Interval: 1e10 },
      HostConfig: {
        NetworkMode: 'own',
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
        ReadonlyRootfs: true,
        Memory: 64 << 20,
        PidsLimit: 100,
        NanoCpus: 5e8,
      },
    },
    'good',
  );
  const image = tarOfEntries([
    { name: 'app/settings', body: `token: ${SECRET}\n` },
    { name: 'bin/su', body: 'x', mode: 0o4755 },
    { name: 'bin/gone', body: 'x', mode: 0o4755 },
    { name: 'opt/open', body: 'x', mode: 0o666 },
    { name: 'tmp/', type: '5', mode: 0o1777 },
    { name: 'usr/lib/example.pem', body: '-----BEGIN PRIVATE KEY-----' },
    { name: 'etc/passwd', body: 'root:x:0:0::/:\na:x:7:7::/:\nb:x:7:8::/:\n' },
    { name: 'var/lib/apt/lists/lock', body: '' },
    { name: 'var/lib/apt/lists/example_Packages', body: 'x' },
    { name: 'app/.git/HEAD', body: 'x' },
    { name: 'app/Dockerfile', body: 'FROM scratch' },
    { name: 'etc/shadow', body: 'root::1::::::\nuser:!:1::::::\n' },
  ]);
  await daemon.call('POST', '/images/create?fromSrc=-&repo=leaky&tag=1', image);
});
afterAll(() => daemon?.dispose());

const rulesOf = (report: { Findings: Array<{ Rule: string }> }) => report.Findings.map(({ Rule }) => Rule);

test('a container without walls, and one with all of them', async () => {
  const bad = (await daemon.call('GET', '/berth/audit/containers/bad')).json;
  expect(rulesOf(bad)).toEqual(
    expect.arrayContaining(['BC001', 'BC008', 'BC009', 'BC013', 'BC014', 'BC020', 'BC026']),
  );
  expect(bad.Findings[0].Grade).toBe('high');
  expect(JSON.stringify(bad)).not.toContain(SECRET);
  const good = (await daemon.call('GET', '/berth/audit/containers/good')).json;
  expect(rulesOf(good)).toEqual([]);
  expect(good.Passed.length).toBeGreaterThan(30);
});

test('an image with secrets, setuid files and open paths in its layers', async () => {
  const { json } = await daemon.call('GET', '/berth/audit/images/leaky:1');
  const found = Object.fromEntries(
    json.Findings.map((one: { Rule: string; Evidence: string[] }) => [one.Rule, one.Evidence]),
  );
  expect(found['BI003']).toEqual(['/app/settings in layer 0: a GitHub token']);
  expect(found['BI004']).toEqual(['/bin/su', '/bin/gone']);
  expect(found['BI005']).toEqual(['/opt/open']);
  expect(found['BI015']).toEqual(['root']);
  expect(found['BI019']).toEqual(['/etc/passwd: a, b have 7']);
  expect(found['BI020']).toEqual(['/var/lib/apt/lists']);
  expect(found['BI021']).toEqual(['/app/.git', '/app/Dockerfile']);
  expect(JSON.stringify(json)).not.toContain(SECRET);
});

test('a network that lets everyone in, and one that does not', async () => {
  const option = 'com.docker.network.bridge.gateway_mode_ipv4';
  await daemon.call('POST', '/networks/create', { Name: 'open', Options: { [option]: 'nat-unprotected' } });
  const ports = { PortBindings: { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '' }] } };
  await daemon.box(['sleep', '1000'], { HostConfig: { NetworkMode: 'open', ...ports } }, 'public');
  try {
    const { json } = await daemon.call('GET', '/berth/audit/networks/open');
    expect(json).toMatchObject({ Kind: 'network', Target: 'open' });
    expect(rulesOf(json)).toEqual(['BN001', 'BN007']);
    expect(json.Findings[1].Evidence[0]).toMatch(/^public: 0\.0\.0\.0:\d+->80\/tcp$/);
    expect(rulesOf((await daemon.call('GET', '/berth/audit/networks/own')).json)).toEqual([]);
    expect(rulesOf((await daemon.call('GET', '/berth/audit/networks/host')).json)).toEqual(['BN004']);
    expect((await daemon.call('GET', '/berth/audit/networks/none')).json.Findings).toEqual([]);
    expect((await daemon.call('GET', '/berth/audit/networks/nosuch')).status).toBe(404);
    expect(daemon.berth(['audit', 'open']).stdout).toContain('BN001');
    expect(daemon.berth(['audit', '--type', 'network', 'good']).stderr).toContain('network good not found');
  } finally {
    await daemon.call('DELETE', '/containers/public?force=1');
    await daemon.call('DELETE', '/networks/open');
  }
});

test('the host', async () => {
  const { json } = await daemon.call('GET', '/berth/audit/host');
  expect(json.Kind).toBe('host');
  expect(rulesOf(json)).toEqual(expect.arrayContaining(['BH004', 'BH005', 'BH006', 'BH009']));
  expect(json.Passed).toEqual(expect.arrayContaining(['BH001', 'BH003', 'BH007', 'BH008']));
});

test('the command: text, JSON, SARIF, and its end by grade', async () => {
  expect(daemon.berth(['audit', 'bad'])).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('BC001'),
  });
  expect(daemon.berth(['audit', '--fail-on', 'medium', 'bad'])).toMatchObject({ status: 1 });
  expect(daemon.berth(['audit', '--fail-on', 'medium', 'good'])).toMatchObject({ status: 0 });
  expect(JSON.parse(daemon.berth(['audit', '--json', '--host']).stdout).Kind).toBe('host');
  const all = JSON.parse(daemon.berth(['audit', '--json']).stdout) as Array<{ Target: string }>;
  expect(
    all
      .slice(1)
      .map(({ Target }) => Target)
      .sort(),
  ).toEqual(['bad', 'good']);
  const sarif = (...args: string[]) =>
    JSON.parse(daemon.berth(['audit', '-f', 'sarif', ...args]).stdout) as Sarif;
  for (const args of [[], ['--host'], ['leaky:1'], ['good'], ['--type', 'network', 'own']])
    expect([args, sarifProblems(sarif(...args))]).toEqual([args, []]);
  expect(sarif('leaky:1').runs[0]!.results.map(({ ruleId }) => ruleId)).toContain('BI003');
  expect(sarif('good').runs[0]!.results).toEqual([]);
  expect(daemon.berth(['audit', '--fail-on', 'awful'])).toMatchObject({ status: 1 });
  expect(daemon.berth(['audit', 'nosuch']).stderr).toContain('No such container, image or network');
});
