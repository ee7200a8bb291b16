import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createSign, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer as createTcp } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path/posix';

/** Debian's docker-registry on a port of its own. */
export class TestRegistry {
  readonly host: string;
  private readonly folder = mkdtempSync(join(tmpdir(), 'berth-distribution-'));
  private readonly program: ChildProcess;

  private constructor(address: string, port: number, http: string, auth: string) {
    this.host = `${address}:${port}`;
    const config = join(this.folder, 'config.yml');
    writeFileSync(
      config,
      `version: 0.1
log: { level: error }
storage: { filesystem: { rootdirectory: ${join(this.folder, 'data')} }, delete: { enabled: true } }
http: { addr: "${this.host}"${http} }
${auth}
`,
    );
    this.program = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
  }

  static async start(
    options: { address?: string; http?: string; auth?: string } = {},
  ): Promise<TestRegistry> {
    const address = options.address ?? '127.0.0.1';
    const port = await freePort(address);
    const registry = new TestRegistry(address, port, options.http ?? '', options.auth ?? '');
    for (let tries = 0; tries < 200; tries += 1) {
      if (await answers(address, port)) return registry;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error('docker-registry does not answer');
  }

  stop(): void {
    this.program.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Whether something listens at an address. */
export function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => resolve(socket.destroy() !== undefined));
    socket.on('error', () => resolve(false));
  });
}

/** A port of an address that nothing listens at. */
export async function freePort(address: string): Promise<number> {
  const server = createTcp();
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
/** An address of this machine that is not the loopback's, where certificates are verified. */
export function outerAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4')?.address;
}
/** An authority of the test's own with a server's and a client's certificate, in a folder. */
export function certificates(folder: string, address: string): void {
  const openssl = (...words: string[]) => execFileSync('openssl', words, { cwd: folder, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=test authority');
  for (const name of ['server', 'client'])
    openssl(
      ...['req', '-x509', ...key, '-CA', 'ca.pem', '-CAkey', 'ca.key'],
      ...['-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', `/CN=${name}`],
      ...['-addext', `subjectAltName=IP:${address}`, '-addext', 'basicConstraints=critical,CA:FALSE'],
    );
}
/** An HTTP server of a test's own; `seen` holds its requests. */
export class TestServer {
  readonly seen: Array<{ line: string; headers: IncomingMessage['headers']; body: string }> = [];
  readonly host: string;
  private readonly server: Server;

  private constructor(server: Server) {
    this.server = server;
    this.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(
    handler: (request: IncomingMessage, response: ServerResponse, server: TestServer, body: string) => void,
  ): Promise<TestServer> {
    let self: TestServer;
    const server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      self.seen.push({ line: `${request.method} ${request.url}`, headers: request.headers, body });
      handler(request, response, self, body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    self = new TestServer(server);
    return self;
  }

  count(pattern: RegExp): number {
    return this.seen.filter(({ line }) => pattern.test(line)).length;
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

/** A token server that registries of the tests trust; `issue` gives a token for what was asked. */
export class TokenIssuer {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'],
        ...['-keyout', 'token.key', '-out', 'token.pem', '-subj', '/CN=issuer'],
      ],
      { cwd: folder, stdio: 'pipe' },
    );
  }

  issue(scopes: string[], service: string): string {
    const certificate = readFileSync(join(this.folder, 'token.pem'), 'utf8')
      .replace(/-----[A-Z ]+-----/g, '')
      .replace(/\s/g, '');
    const now = Math.floor(Date.now() / 1000);
    const access = scopes.map((scope) => {
      const [type, name, actions] = scope.split(':');
      return { type, name, actions: actions!.split(',') };
    });
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const text = `${part({ typ: 'JWT', alg: 'RS256', x5c: [certificate] })}.${part({
      iss: 'issuer',
      sub: 'user',
      aud: service,
      exp: now + 300,
      nbf: now - 10,
      iat: now,
      jti: randomUUID(),
      access,
    })}`;
    const signature = createSign('RSA-SHA256')
      .update(text)
      .sign(readFileSync(join(this.folder, 'token.key')));
    return `${text}.${signature.toString('base64url')}`;
  }
}
