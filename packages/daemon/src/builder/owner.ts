import { extract } from 'tar-stream';
import { invalidParameter } from '../base/errors.ts';
import type { Archive } from '../layers/api.ts';

/** The bytes of a small file of a root; null when there is none. */
async function readFile(archive: Archive, path: string): Promise<string | null> {
  const got = await archive.get(path).catch(() => null);
  if (!got) return null;
  const extraction = extract();
  got.tar.pipe(extraction);
  const chunks: Buffer[] = [];
  for await (const entry of extraction) {
    for await (const chunk of entry as AsyncIterable<Buffer>)
      if (entry.header.type === 'file') chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

async function number(
  archive: Archive,
  file: string,
  name: string,
  kind: 'user' | 'group',
  unknown: 'root' | undefined,
): Promise<{ id: number; gid: number }> {
  if (/^\d+$/.test(name)) {
    const id = Number(name);
    if (id <= 0x7fffffff) return { id, gid: id };
    if (unknown !== 'root') throw invalidParameter(`${kind} id ${name} is out of range`);
  }
  for (const line of ((await readFile(archive, file)) ?? '').split('\n')) {
    const fields = line.split(':');
    if (fields[0] === name) return { id: Number(fields[2]), gid: Number(fields[3]) };
  }
  if (unknown === 'root') return { id: 0, gid: 0 };
  throw invalidParameter(
    `unable to convert uid/gid chown string to host mapping: can't find ${kind === 'user' ? 'uid' : 'gid'} for ${kind} ${name}: no such ${kind}: ${name}`,
  );
}

/**
 * `--chown=user[:group]` by the root's own passwd and group files; for BuildKit a name that is not there means `root`.
 * @throws invalid-parameter for an unknown name.
 */
export async function resolveOwner(
  archive: Archive,
  owner: string,
  unknown?: 'root',
): Promise<{ uid: number; gid: number }> {
  const [user = '', group, ...more] = owner.split(':');
  if (more.length > 0 && unknown !== 'root')
    throw invalidParameter(
      `unable to convert uid/gid chown string to host mapping: invalid chown string format: ${owner}`,
    );
  const found = await number(archive, '/etc/passwd', user, 'user', unknown);
  // Without a group BuildKit takes the user's own, the classic builder the group of the user's name or number.
  if (group === undefined && unknown === 'root')
    return { uid: found.id, gid: /^\d+$/.test(user) ? found.id : found.gid };
  return { uid: found.id, gid: (await number(archive, '/etc/group', group ?? user, 'group', unknown)).id };
}
