import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TarEntry, tarOf, tarOfEntries } from './tar.ts';

let cached: Buffer | undefined;

/** A tar of a busybox root: /bin with every applet, passwd and group files with root and nobody. */
export function busyboxTar(): Buffer {
  if (cached) return cached;
  const folder = mkdtempSync(join(tmpdir(), 'berth-busybox-'));
  try {
    chmodSync(folder, 0o755);
    for (const name of ['bin', 'sbin', 'usr', 'etc', 'root', 'tmp', 'var', 'home', 'proc', 'sys', 'dev'])
      mkdirSync(join(folder, name));
    symlinkSync('../bin', join(folder, 'usr/bin'));
    cpSync('/bin/busybox', join(folder, 'bin/busybox'), { dereference: true });
    const applets = spawnSync('/bin/busybox', ['--list'], { encoding: 'utf8' }).stdout.split('\n');
    for (const applet of applets)
      if (applet && applet !== 'busybox') symlinkSync('busybox', join(folder, 'bin', applet));
    writeFileSync(
      join(folder, 'etc/passwd'),
      'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n',
    );
    writeFileSync(join(folder, 'etc/group'), 'root:x:0:\nnobody:x:65534:\n');
    cached = spawnSync('tar', ['--numeric-owner', '--owner=0', '--group=0', '-C', folder, '-c', '.'], {
      maxBuffer: 1 << 28,
    }).stdout;
    return cached;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** An image as `docker save` writes it: busybox, with these entries in the place of its own of that name. */
export async function imageTar(
  name: string,
  options: { entries?: TarEntry[]; config?: Record<string, unknown> },
): Promise<Buffer> {
  const { entries = [], config = {} } = options;
  const folder = mkdtempSync(join(tmpdir(), 'berth-image-'));
  try {
    chmodSync(folder, 0o755);
    spawnSync('tar', ['-x', '-C', folder], { input: busyboxTar() });
    for (const entry of entries) rmSync(join(folder, entry.name), { recursive: true, force: true });
    const base = spawnSync('tar', ['--numeric-owner', '-C', folder, '-c', '.'], {
      maxBuffer: 1 << 28,
    }).stdout;
    const layer = Buffer.concat([withoutEnd(base), tarOfEntries(entries)]);
    const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');
    const image = JSON.stringify({
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: { Env: ['PATH=/bin:/usr/bin:/sbin'], Cmd: ['sh'], ...config },
      rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
    });
    const id = `${sha256(image)}.json`;
    const manifest = [{ Config: id, RepoTags: [`${name}:latest`], Layers: ['layer.tar'] }];
    return tarOf({ 'layer.tar': layer, [id]: image, 'manifest.json': JSON.stringify(manifest) });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A tar without the blocks of zeros at its end. */
function withoutEnd(tar: Buffer): Buffer {
  let end = tar.length;
  while (end >= 512 && tar.subarray(end - 512, end).every((byte) => byte === 0)) end -= 512;
  return tar.subarray(0, end);
}
