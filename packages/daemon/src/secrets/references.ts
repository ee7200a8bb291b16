import { posix } from 'node:path';
import { invalidParameter } from '../base/errors.ts';
import type { ConfigReference, FileReference, Kind, SecretReference } from './api.ts';

/** Members of HostConfig, and annotations for clients that know no such members. */
export const MEMBERS = {
  secret: { list: 'Secrets', id: 'SecretID', name: 'SecretName', annotation: 'dev.berth.secrets' },
  config: { list: 'Configs', id: 'ConfigID', name: 'ConfigName', annotation: 'dev.berth.configs' },
} as const;

const FOLDERS = { secret: '/run/secrets', config: '/' };
const DEFAULT_MODE = 0o444;
const MOST_ID = 0xffff_fffe;

/** The path of a reference in the container. */
export function destinationOf(kind: Kind, { Name }: FileReference): string {
  return posix.resolve(FOLDERS[kind], Name);
}

/**
 * References of one kind, whole.
 * @param given the member of HostConfig
 * @param annotation its words: `NAME[,target=PATH,uid=N,gid=N,mode=OCTAL]`, several separated by `;`
 * @param taken destinations of the container's others, to which these are added
 * @throws invalid-parameter naming the field
 */
export function readReferences(
  kind: Kind,
  given: unknown,
  annotation: string | undefined,
  find: (reference: string) => { id: string; name: string } | undefined,
  taken: Map<string, Kind>,
): Array<SecretReference | ConfigReference> {
  const { list, id, name } = MEMBERS[kind];
  const asked = [
    ...((given as Array<Record<string, unknown>> | null | undefined) ?? []).map((entry, index) => ({
      at: `HostConfig.${list}[${index}]`,
      reference: String(entry[id] || entry[name] || ''),
      file: (entry['File'] ?? {}) as Partial<FileReference>,
    })),
    ...fromAnnotation(kind, annotation),
  ];
  return asked.map(({ at, reference, file }) => {
    const refuse = (why: string) => invalidParameter(`invalid ${at}: ${why}`);
    if (!reference) throw refuse(`${name} or ${id} is needed`);
    const kept = find(reference);
    if (!kept) throw refuse(`${kind} ${reference} not found: make it first (berth ${kind} create)`);
    const whole: FileReference = {
      Name: file.Name || kept.name,
      UID: file.UID || '0',
      GID: file.GID || '0',
      Mode: file.Mode ?? DEFAULT_MODE,
    };
    if (whole.Name.includes('\0') || whole.Name.endsWith('/') || whole.Name.split('/').includes('..'))
      throw refuse(`the target ${JSON.stringify(whole.Name)} is no path of a file`);
    for (const member of ['UID', 'GID'] as const)
      if (!/^\d{1,10}$/.test(whole[member]) || Number(whole[member]) > MOST_ID)
        throw refuse(`${member} must be a number, not ${JSON.stringify(whole[member])}`);
    if (!Number.isInteger(whole.Mode) || whole.Mode < 0 || whole.Mode > 0o7777)
      throw refuse(`Mode must be from 0 to 07777, not ${whole.Mode}`);
    const destination = destinationOf(kind, whole);
    if (destination === '/') throw refuse('a file cannot be the root');
    for (const [other, its] of taken)
      if (other === destination || isBelow(other, destination) || isBelow(destination, other))
        throw refuse(`there is another ${its} at ${other}`);
    taken.set(destination, kind);
    return { File: whole, [id]: kept.id, [name]: kept.name } as unknown as SecretReference | ConfigReference;
  });
}

const isBelow = (path: string, folder: string): boolean => path.startsWith(`${folder}/`);

function fromAnnotation(kind: Kind, text: string | undefined) {
  const { annotation } = MEMBERS[kind];
  return (text ?? '')
    .split(';')
    .map((entry) => entry.trim())
    .filter(Boolean)
    .map((entry) => {
      const [reference = '', ...options] = entry.split(',');
      const file: Partial<FileReference> = {};
      for (const option of options) {
        const [key, value = ''] = option.split('=', 2);
        if (key === 'target') file.Name = value;
        else if (key === 'uid') file.UID = value;
        else if (key === 'gid') file.GID = value;
        else if (key === 'mode' && /^[0-7]{1,4}$/.test(value)) file.Mode = Number.parseInt(value, 8);
        else
          throw invalidParameter(
            `invalid annotation ${annotation}: ${JSON.stringify(option)}: use NAME[,target=PATH][,uid=N][,gid=N][,mode=OCTAL]`,
          );
      }
      return { at: `annotation ${annotation}`, reference, file };
    });
}
