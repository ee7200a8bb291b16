import { extract } from 'tar-stream';
import { invalidParameter } from '../base/errors.ts';
import type { Archive } from '../layers/api.ts';

/** The most bytes of a passwd or group file that are read, as for the user of a container's process. */
const MOST_BYTES = 16 * 1024 * 1024;
/** Fields behind this many bytes of a line are none. */
const LONGEST_LINE = 64 * 1024;

/**
 * The fields of a name's line in a passwd or group file of a root, which an image's author wrote; undefined where there is none.
 * @throws invalid-parameter for a file that is too large
 */
async function fieldsOf(archive: Archive, path: string, name: string): Promise<string[] | undefined> {
  const got = await archive.get(path).catch(() => null);
  if (!got) return undefined;
  const extraction = extract();
  got.tar.on('error', (error) => extraction.destroy(error));
  got.tar.pipe(extraction);
  const chunks: Buffer[] = [Buffer.from('\n')];
  try {
    // The first entry is what the path leads to: one that is a folder is no such file.
    for await (const entry of extraction) {
      const { type, size = 0 } = entry.header;
      if (type !== 'file') break;
      if (size > MOST_BYTES)
        throw invalidParameter(
          `${path} of the image is larger than ${MOST_BYTES} bytes: use numbers in --chown`,
        );
      for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk);
      break;
    }
  } finally {
    got.tar.destroy();
  }
  const text = Buffer.concat(chunks);
  const at = text.indexOf(`\n${name}:`);
  if (at < 0) return undefined;
  const end = text.indexOf('\n', at + 1);
  return text
    .toString('utf8', at + 1, Math.min(end < 0 ? text.length : end, at + LONGEST_LINE))
    .split(':', 4);
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
  const fields = await fieldsOf(archive, file, name);
  if (fields) {
    const idOf = (text = '') => {
      if (/^\d{1,10}$/.test(text) && Number(text) <= 0x7fffffff) return Number(text);
      throw invalidParameter(
        `${file} of the image has no valid number for ${kind} ${name}: use numbers in --chown`,
      );
    };
    return { id: idOf(fields[2]), gid: kind === 'user' ? idOf(fields[3]) : 0 };
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
