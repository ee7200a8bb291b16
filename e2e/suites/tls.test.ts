import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dist, TestDaemon } from '../support/daemon.ts';

const folder = mkdtempSync(join(tmpdir(), 'berth-tls-'));
const path = (name: string) => join(folder, name);
let daemon: TestDaemon;
let port: number;

/** Makes `NAME.pem` and `NAME-key.pem`; signed by `ca`, or by itself. */
function certificate(name: string, ca?: string): void {
  writeFileSync(path('extensions'), 'subjectAltName=IP:127.0.0.1\n');
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}-key.pem`);
  if (!ca) openssl('req', '-x509', '-key', `${name}-key.pem`, '-subj', `/CN=${name}`, '-out', `${name}.pem`);
  else {
    openssl('req', '-new', '-key', `${name}-key.pem`, '-subj', `/CN=${name}`, '-out', 'request');
    const by = ['-CA', `${ca}.pem`, '-CAkey', `${ca}-key.pem`, '-CAcreateserial'];
    openssl('x509', '-req', '-in', 'request', ...by, '-extfile', 'extensions', '-out', `${name}.pem`);
  }
}

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

beforeAll(async () => {
  for (const [name, ca] of [['ca'], ['server', 'ca'], ['client', 'ca'], ['stranger']] as const)
    certificate(name, ca);
  port = await freePort();
  const own = ['--tlscacert', path('ca.pem'), '--tlscert', path('server.pem')];
  daemon = new TestDaemon([
    ...['-H', `tcp://127.0.0.1:${port}`, '--tlsverify', ...own, '--tlskey', path('server-key.pem')],
  ]);
  await daemon.up();
});

afterAll(async () => {
  await daemon.dispose();
  rmSync(folder, { recursive: true });
});

function client(program: string, ...args: string[]) {
  const { DOCKER_HOST: _, BERTH_HOST: __, ...env } = process.env;
  const options = { encoding: 'utf8', env: { ...env, HOME: folder, DOCKER_CONFIG: folder } } as const;
  return spawnSync(program, ['-H', `tcp://127.0.0.1:${port}`, ...args], options);
}
const berth = join(dist, 'berth');
const verify = ['--tlsverify', '--tlscacert', path('ca.pem')];
const as = (name: string) => [
  ...verify,
  '--tlscert',
  path(`${name}.pem`),
  '--tlskey',
  path(`${name}-key.pem`),
];

test.each(['docker', berth])('%s with a certificate of the CA is served', (program) => {
  const { status, stderr } = client(program, ...as('client'), 'ps');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

test('plain HTTP is answered in plain HTTP', async () => {
  const { status, text } = await new Promise<{ status?: number; text: string }>((resolve, reject) => {
    get({ port, host: '127.0.0.1', path: '/_ping' }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => {
        text += part;
      });
      response.on('end', () => resolve({ status: response.statusCode!, text }));
    }).on('error', reject);
  });
  expect({ status, text }).toEqual({
    status: 400,
    text: 'Client sent an HTTP request to an HTTPS server.\n',
  });
});

test.each(['docker', berth])('%s without TLS is told to use it', (program) => {
  const { status, stderr } = client(program, 'ps');
  expect(status).toBe(1);
  expect(stderr).toContain('Client sent an HTTP request to an HTTPS server.');
});

test.each([
  ['no certificate', verify, /demands? a client certificate.*give --tlscert and --tlskey/],
  ["a stranger's certificate", as('stranger'), /(does|may) not trust this client's certificate/],
])('the client with %s is told what is wanted', (_what, args, sentence) => {
  for (const command of [['ps'], ['version'], ['run', 'busybox'], ['build', '-q', folder], ['pull', 'x']]) {
    const { status, stderr } = client(berth, ...args, ...command);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(sentence);
    expect(stderr).not.toMatch(/routines|ERR_|error:0|EPROTO|ECONNRESET|\n\s+at /);
  }
});
