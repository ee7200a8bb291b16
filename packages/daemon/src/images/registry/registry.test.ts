import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publish, serve } from './testing/documents.ts';
import { TestImages } from './testing/images.ts';
import { certificates, outerAddress, TestRegistry, TestServer, TokenIssuer } from './testing/servers.ts';

// Pull and push against Debian's docker-registry.

let first: TestImages;
let second: TestImages;
let registry: TestRegistry;
const scratch = mkdtempSync(join(tmpdir(), 'berth-registry-test-'));
const cleanups: Array<() => void> = [() => rmSync(scratch, { recursive: true })];

async function kept<T extends { stop(): void } | { dispose(): void }>(made: Promise<T>): Promise<T> {
  const thing = await made;
  cleanups.push(() => ('stop' in thing ? thing.stop() : thing.dispose()));
  return thing;
}

beforeAll(async () => {
  registry = await kept(TestRegistry.start());
  first = await kept(new TestImages().open());
  second = await kept(new TestImages().open());
});
afterAll(() => {
  for (const cleanup of cleanups.reverse()) cleanup();
});

const digestIn = (lines: string[]) => /sha256:[a-f0-9]{64}/.exec(lines.join('\n'))![0];

test('what is pushed is pulled elsewhere, and pushed from there with its digest unchanged', async () => {
  const name = `${registry.host}/app`;
  const id = await first.make(`${name}:1`, 'one');
  const pushed = await first.push(name, { tag: '1' });
  const layer = first.images.resolve(`${name}:1`).config.rootfs.diff_ids[0]!.slice(7, 19);
  const digest = digestIn(pushed);
  expect(pushed).toEqual([
    `The push refers to repository [${name}]`,
    `${layer}: Preparing`,
    `${layer}: Pushed`,
    expect.stringMatching(`^1: digest: ${digest} size: \\d+$`),
  ]);
  expect(first.lines.at(-1)).toEqual({
    progressDetail: {},
    aux: { Tag: '1', Digest: digest, Size: expect.any(Number) },
  });
  expect(first.images.resolve(`${name}@${digest}`).id).toBe(id);

  const pulled = await second.pull(name, { tag: '1' });
  const blob = pulled[1]!.slice(0, 12);
  expect(pulled).toEqual([
    '1: Pulling from app',
    `${blob}: Pulling fs layer`,
    `${blob}: Verifying Checksum`,
    `${blob}: Download complete`,
    `${blob}: Pull complete`,
    `Digest: ${digest}`,
    `Status: Downloaded newer image for ${name}:1`,
  ]);
  expect(second.images.resolve(`${name}:1`)).toMatchObject({ id, repoDigests: [`${name}@${digest}`] });
  expect(await second.pull(name, { tag: '1' })).toEqual([
    '1: Pulling from app',
    `Digest: ${digest}`,
    `Status: Image is up to date for ${name}:1`,
  ]);
  expect(await second.pull(name, { tag: digest })).toContain(
    `Status: Downloaded newer image for ${name}@${digest}`.replace(
      'Downloaded newer image',
      'Image is up to date',
    ),
  );

  // Another repository of the same registry mounts it; another registry gets it from the first.
  await second.images.tag(id, `${registry.host}/other`, '2');
  expect(await second.push(`${registry.host}/other`, { tag: '2' })).toEqual(
    expect.arrayContaining([`${layer}: Mounted from app`, expect.stringContaining(digest)]),
  );
  const foreign = await kept(TestRegistry.start());
  await second.images.tag(id, `${foreign.host}/app`, '3');
  const copied = await second.push(`${foreign.host}/app`);
  expect(digestIn(copied)).toBe(digest);
  expect(await second.push(`${foreign.host}/app`)).toContain(`${layer}: Layer already exists`);
});

test('all tags, names that are not there, and images of another platform', async () => {
  const name = `${registry.host}/many`;
  await first.make(`${name}:a`, 'a');
  await first.make(`${name}:b`, 'b');
  await first.push(name);
  const lines = await second.pull(name, { all: true });
  expect(lines.at(-1)).toBe(`Status: Downloaded newer image for ${name}`);
  expect(second.images.resolve(`${name}:b`).id).toBe(first.images.resolve(`${name}:b`).id);

  await expect(second.pull(name, { tag: 'c' })).rejects.toMatchObject({
    kind: 'not-found',
    message: `manifest for ${name}:c not found: manifest unknown: manifest unknown`,
  });
  await expect(second.push(`${registry.host}/nothing`)).rejects.toThrow(
    `An image does not exist locally with the tag: ${registry.host}/nothing`,
  );
  await expect(second.push(name, { tag: 'c' })).rejects.toThrow(`tag does not exist: ${name}:c`);
  await expect(second.pull(name, { tag: 'a', platform: 'linux/s390x' })).rejects.toThrow(
    `image with reference ${name}:a was found but does not match the specified platform: wanted linux/s390x, actual: linux/`,
  );
  await expect(second.pull('127.0.0.1:1/x')).rejects.toMatchObject({
    kind: 'system',
    message: 'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
  });
  expect(await second.images.distribution(`${name}:a`)).toMatchObject({
    Descriptor: { mediaType: 'application/vnd.docker.distribution.manifest.v2+json' },
    Platforms: [{ os: 'linux' }],
  });
});

test('a password is asked for, and shown to its own registry only', async () => {
  const file = join(scratch, 'htpasswd');
  writeFileSync(file, execFileSync('htpasswd', ['-Bbn', 'user', 'pass']));
  const closed = await kept(
    TestRegistry.start({ auth: `auth: { htpasswd: { realm: test, path: ${file} } }` }),
  );
  const name = `${closed.host}/private`;
  const auth = { username: 'user', password: 'pass' };
  await first.make(`${name}:1`, 'private');
  await expect(first.push(name, { tag: '1' })).rejects.toThrow(/^no basic auth credentials$/);
  await first.push(name, { tag: '1', auth });
  await expect(second.pull(name, { tag: '1' })).rejects.toThrow(
    `Head "http://${name.replace('/', '/v2/')}/manifests/1": no basic auth credentials`,
  );
  await expect(second.pull(name, { tag: '1', auth: { ...auth, password: 'no' } })).rejects.toThrow(
    'unauthorized: authentication required',
  );
  await expect(
    second.pull(name, { tag: '1', auth: { ...auth, serveraddress: registry.host } }),
  ).rejects.toThrow('no basic auth credentials');
  await second.pull(name, { tag: '1', auth: { ...auth, serveraddress: `http://${closed.host}/v2/` } });
  const login = { ...auth, serveraddress: closed.host };
  expect(await second.images.login(login)).toEqual({ Status: 'Login Succeeded', IdentityToken: '' });
  await expect(second.images.login({ ...login, password: 'no' })).rejects.toThrow(
    `login attempt to http://${closed.host}/v2/ failed with status: 401 Unauthorized`,
  );
});

test('tokens are got for what is done, with a password or an identity token', async () => {
  const issuer = new TokenIssuer(scratch);
  let busy = 2;
  const tokens = await kept(
    TestServer.start((request, response, _server, body) => {
      if (busy-- > 0) {
        response.writeHead(503).end();
        return;
      }
      const query =
        request.method === 'POST'
          ? new URLSearchParams(body)
          : new URL(request.url!, 'http://x').searchParams;
      const basic = request.headers.authorization === `Basic ${Buffer.from('user:pass').toString('base64')}`;
      const known = basic || query.get('refresh_token') === 'long-lived';
      if (request.headers.authorization && !known) {
        response.writeHead(401, { 'content-type': 'application/json' });
        response.end('{"details":"incorrect username or password"}');
        return;
      }
      const scopes = query
        .getAll('scope')
        .flatMap((scope) => scope.split(' '))
        .filter(Boolean);
      const token = issuer.issue(known ? scopes : [], query.get('service')!);
      response.end(
        JSON.stringify({
          token,
          expires_in: 300,
          ...(query.has('offline_token') ? { refresh_token: 'long-lived' } : {}),
        }),
      );
    }),
  );
  const closed = await kept(
    TestRegistry.start({
      auth: `auth: { token: { realm: "http://${tokens.host}/token", service: test, issuer: issuer, rootcertbundle: ${scratch}/token.pem } }`,
    }),
  );
  const name = `${closed.host}/private`;
  const auth = { username: 'user', password: 'pass' };
  await first.make(`${name}:1`, 'by token');
  await first.push(name, { tag: '1', auth });
  await first.images.tag(first.images.resolve(`${name}:1`).id, `${closed.host}/more`, '1');
  expect(await first.push(`${closed.host}/more`, { tag: '1', auth })).toContainEqual(
    expect.stringContaining('Mounted from private'),
  );
  const { IdentityToken } = await second.images.login({ ...auth, serveraddress: closed.host });
  expect(IdentityToken).toBe('long-lived');
  await second.pull(name, { tag: '1', auth: { identitytoken: IdentityToken } });
  expect(tokens.seen.at(-1)!.body).toContain('grant_type=refresh_token');
  await expect(second.pull(`${closed.host}/more`, { tag: '1' })).rejects.toThrow(
    `pull access denied for ${closed.host}/more, repository does not exist or may require 'docker login': denied: requested access to the resource is denied`,
  );
  await expect(second.pull(name, { tag: '1', auth: { ...auth, password: 'no' } })).rejects.toThrow(
    'unauthorized: incorrect username or password',
  );
});

test('certificates: an own authority and client certificates from certs.d, or none for insecure registries', async () => {
  const address = outerAddress() ?? '127.0.0.1';
  certificates(scratch, address);
  const files = (name: string) => join(scratch, name);
  const tls = await kept(
    TestRegistry.start({
      address,
      http: `, tls: { certificate: ${files('server.pem')}, key: ${files('server.key')}, clientcas: [${files('ca.pem')}] }`,
    }),
  );
  const name = `${tls.host}/tls`;
  await first.make(`${name}:1`, 'over TLS');
  if (outerAddress())
    await expect(first.push(name, { tag: '1' })).rejects.toThrow(
      `Get "https://${tls.host}/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
    );
  const folder = join(first.folder, 'certs.d', tls.host);
  mkdirSync(folder, { recursive: true });
  copyFileSync(files('ca.pem'), join(folder, 'ca.crt'));
  await expect(first.push(name, { tag: '1' })).rejects.toThrow(/certificate required|bad certificate|EOF/);
  copyFileSync(files('client.pem'), join(folder, 'client.cert'));
  await expect(first.push(name, { tag: '1' })).rejects.toThrow(
    'missing key client.key for client certificate client.cert. CA certificates must use the extension .crt',
  );
  copyFileSync(files('client.key'), join(folder, 'client.key'));
  await first.push(name, { tag: '1' });

  const lax = await kept(new TestImages({ insecureRegistries: [`${address}/32`] }).open());
  const own = join(lax.folder, 'certs.d', tls.host);
  mkdirSync(own, { recursive: true });
  for (const kind of ['client.cert', 'client.key']) copyFileSync(join(folder, kind), join(own, kind));
  await lax.pull(name, { tag: '1' });
});

test('mirrors answer first, for Docker Hub and for any registry that has a hosts.toml', async () => {
  await first.make(`${registry.host}/library/mirrored:1`, 'mirrored');
  await first.push(`${registry.host}/library/mirrored`);
  const dead = 'http://127.0.0.1:1';
  const near = await kept(new TestImages({ registryMirrors: [dead, `http://${registry.host}`] }).open());
  expect((await near.pull('mirrored:1')).at(-1)).toBe('Status: Downloaded newer image for mirrored:1');
  const folder = join(near.folder, 'certs.d', 'registry.invalid');
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'hosts.toml'),
    `server = "https://registry.invalid"\n[host."http://${registry.host}"] # near\n  capabilities = [\n "pull", "resolve" ]\n`,
  );
  await near.pull('registry.invalid/library/mirrored:1', { auth: { username: 'u', password: 'p' } });
  expect(near.images.resolve('registry.invalid/library/mirrored:1').id).toBe(
    near.images.resolve('mirrored:1').id,
  );
});

test('an OCI image with a zstd layer is pulled, and pushed as it came', async () => {
  const image = await publish('of the OCI', { oci: true });
  const origin = await kept(
    TestServer.start((request, response) => {
      if (!serve(image, request, response)) response.writeHead(404).end();
    }),
  );
  await second.pull(`${origin.host}/oci:1`);
  const { id } = second.images.resolve(`${origin.host}/oci@${image.digest}`);
  const between = await kept(TestRegistry.start());
  await second.images.tag(id, `${between.host}/oci`, '1');
  expect(digestIn(await second.push(`${between.host}/oci`))).toBe(image.digest);
  // A manifest that cannot be had any more in the form it came in is pushed as Docker's.
  origin.stop();
  between.stop();
  const other = await kept(TestRegistry.start());
  await second.images.tag(id, `${other.host}/oci`, '1');
  const lines = await second.push(`${other.host}/oci`);
  expect(digestIn(lines)).not.toBe(image.digest);
  const third = await kept(new TestImages().open());
  await third.pull(`${other.host}/oci`, { tag: '1' });
  expect(third.images.resolve(`${other.host}/oci:1`).id).toBe(id);
});
