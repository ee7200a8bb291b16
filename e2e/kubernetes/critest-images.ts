import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestDaemon } from '../support/daemon.ts';
import { type TarEntry, tarOfEntries } from '../support/tar.ts';
import { push } from './node.ts';

/* Images that stand in for those of critest, by the names that it asks for. */

/** The registries of critest's images. */
export const REGISTRIES = ['registry.k8s.io', 'gcr.io'];
const [MAIN = '', OTHER = ''] = REGISTRIES;
const BUSYBOX = `${MAIN}/e2e-test-images/busybox:1.29-2`;
const STAGING = `${OTHER}/k8s-staging-cri-tools`;
/** The image of the container by which a pod of cri-dockerd keeps its namespaces. */
export const PAUSE = `${OTHER}/k8s-staging-cri-tools/pause:latest`;
const ARCHITECTURE = process.arch === 'x64' ? 'amd64' : process.arch;

const PASSWD = `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
`;
const GROUP = 'root:x:0:\ndaemon:x:1:\nwww-data:x:33:\nusers:x:100:\nnobody:x:65534:\n';
const PGREP =
  '#!/bin/sh\n[ "$1" = -f ] && shift\nps | grep -v grep | grep -- "$*" | while read pid rest; do echo $pid; done\n';

interface Recipe {
  name: string;
  dockerfile: string[];
  files?: TarEntry[];
}

/** A program of ours, linked so that it needs no library. @throws Error */
function program(folder: string, source: string): Buffer {
  const output = join(folder, source);
  const input = join(import.meta.dirname, 'images', `${source}.c`);
  const { status, stderr } = spawnSync('cc', ['-O1', '-static', '-o', output, input], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`cc ${source}.c: ${stderr}`);
  return readFileSync(output);
}

/**
 * The distribution's busybox, whose shell runs its own `ls` whatever lies at /bin/ls: critest masks that file and expects the shell
 * to fail. Here the shell's has another name of the same place in the order, and /bin/ls is a program of its own.
 */
function busyboxWithout(name: string, other: string): Buffer {
  const program = readFileSync('/bin/busybox');
  const at = program.indexOf(`\0${name}\0lsmod\0`);
  if (at < 0) throw new Error(`/bin/busybox has no applet ${name} where it was looked for`);
  program.write(other, at + 1);
  return program;
}

function recipes(folder: string): Recipe[] {
  const from = `FROM ${BUSYBOX}`;
  const executable = (name: string, body: Buffer | string): TarEntry => ({ name, body, mode: 0o755 });
  const ipc = program(folder, 'ipc');
  const web = executable('nginx', program(folder, 'web'));
  const serves = (port: string) => [
    from,
    'COPY nginx /usr/sbin/nginx',
    `CMD ["/usr/sbin/nginx", "${port}", "padding-padding-padding-padding"]`,
  ];
  const named = (name: string, ...dockerfile: string[]): Recipe => ({
    name: `${STAGING}/test-image-${name}`,
    dockerfile: [from, ...dockerfile],
  });
  return [
    {
      name: BUSYBOX,
      dockerfile: [
        'FROM scratch',
        'COPY busybox ls /bin/',
        'COPY ipcs ipcmk pgrep /usr/bin/',
        'RUN ["/bin/busybox", "--install", "/bin"]',
        'RUN mkdir -p /etc /tmp /root /var/www /var/spool/mail && chmod 1777 /tmp',
        'COPY passwd group /etc/',
        'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        'CMD ["sh"]',
      ],
      files: [
        executable('busybox', busyboxWithout('ls', 'lr')),
        executable('ls', readFileSync('/bin/busybox')),
        executable('ipcs', ipc),
        executable('ipcmk', ipc),
        executable('pgrep', PGREP),
        { name: 'passwd', body: PASSWD },
        { name: 'group', body: GROUP },
      ],
    },
    {
      name: `${MAIN}/e2e-test-images/nginx:1.14-2`,
      dockerfile: [...serves('80'), 'EXPOSE 80'],
      files: [web],
    },
    {
      name: `${MAIN}/e2e-test-images/httpd:2.4.39-4`,
      dockerfile: [...serves('80'), 'EXPOSE 80'],
      files: [web],
    },
    {
      name: `${MAIN}/e2e-test-images/nonewprivs:1.3`,
      dockerfile: [from, 'COPY nnp /nnp', 'RUN chmod 4755 /nnp', 'USER 1000', 'CMD ["/nnp"]'],
      files: [executable('nnp', program(folder, 'effective'))],
    },
    {
      name: `${STAGING}/hostnet-nginx-${ARCHITECTURE}:latest`,
      dockerfile: serves('12003'),
      files: [web],
    },
    { name: PAUSE, dockerfile: [from, 'CMD ["sleep", "1000000"]'] },
    named('user-uid:latest', 'USER 1002'),
    named('user-username:latest', 'USER www-data'),
    named('user-uid-group:latest', 'USER 1003:1004'),
    named('user-username-group:latest', 'USER www-data:1004'),
    named(
      'predefined-group:latest',
      "RUN echo 'default-user:x:1000:1000::/home/default-user:/bin/sh' >> /etc/passwd",
      "RUN printf 'default-user:x:1000:\\ngroup-defined-in-image:x:50000:default-user\\n' >> /etc/group",
      'USER 1000',
    ),
    ...['latest:latest', '1:latest', '2:latest', '3:latest', 'tag:test', 'tag:all', 'digest:latest'].map(
      (name) => named(name, `RUN echo ${name} > /test`),
    ),
    ...['tags:1', 'tags:2', 'tags:3'].map((name) => named(name, 'RUN echo tags > /test')),
  ];
}

/** The image that critest names by the digest of its published manifest; its stand-in is pushed with a tag. */
const BY_DIGEST = `${STAGING}/test-image-digest`;
const PUBLISHED = 'sha256:9700f9a2f5bf2c45f2f605a0bd3bce7cf37420ec9d3ed50ac2758413308766bf';

/**
 * Builds the images and pushes them; the daemon keeps none of them.
 * @returns the digest of the image that critest names by a digest
 * @throws Error
 */
export async function serveImages(daemon: TestDaemon, folder: string): Promise<string> {
  const made: string[] = [];
  for (const { name, dockerfile, files = [] } of recipes(folder)) {
    const context = tarOfEntries([...files, { name: 'Dockerfile', body: `${dockerfile.join('\n')}\n` }]);
    const built = await daemon.call('POST', `/build?t=${encodeURIComponent(name)}`, context);
    if (built.status !== 200 || built.text.includes('"error"'))
      throw new Error(`build ${name}: ${built.text}`);
    await push(daemon, name);
    made.push(name);
  }
  const { RepoDigests = [] } = (await daemon.call('GET', `/images/${BY_DIGEST}:latest/json`)).json;
  for (const reference of made.reverse()) await daemon.call('DELETE', `/images/${reference}?force=1`);
  const own = (RepoDigests as string[]).find((name) => name.startsWith(`${BY_DIGEST}@`));
  if (!own) throw new Error(`${BY_DIGEST} has no digest after its push: ${RepoDigests}`);
  return own.slice(BY_DIGEST.length + 1);
}

/**
 * A copy of critest that names the stand-in where critest has the digest of the published image. A program of another version,
 * which names another, is copied as it is.
 */
export function namingOwn(critest: string, digest: string, folder: string): string {
  const body = readFileSync(critest);
  for (let at = body.indexOf(PUBLISHED); at >= 0; at = body.indexOf(PUBLISHED, at + 1))
    body.write(digest, at);
  const copy = join(folder, 'critest');
  writeFileSync(copy, body, { mode: 0o755 });
  return copy;
}
