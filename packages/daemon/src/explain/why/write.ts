import { statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { posix } from 'node:path';
import { parseSize } from '../../base/sizes.ts';
import type { ContainerSnapshot } from '../../containers/api.ts';
import { usersOf } from '../container.ts';
import { capabilitiesOf } from '../facts/capabilities.ts';
import { readBeginning, statusField } from '../facts/proc.ts';
import { insideId } from '../facts/processes.ts';
import type { Inquiry } from './inquiry.ts';
import { BUSY, hostMountOptions, mountNamed, mountOf, staleMounts } from './mounts.ts';
import { lookInRoot } from './program.ts';

/** Messages of programs about a write that the kernel refuses. */
const SAID = {
  readonly: /read-only file ?system|EROFS/i,
  denied: /permission denied|EACCES|operation not permitted|EPERM/i,
  full: /no space left on device|ENOSPC/i,
  quota: /disk quota exceeded|EDQUOT/i,
  busy: /device or resource busy|resource busy|EBUSY/i,
};
type Said = Partial<Record<keyof typeof SAID, { line: string; path?: string }>>;
const NEARLY = 0.98;

/** Why a container cannot write: from its settings, the owners of its mounts, room on disks, and its log. */
export async function whyNotWritten(inquiry: Inquiry): Promise<void> {
  const { container, options } = inquiry;
  const said = saidIn(await inquiry.log());
  inquiry.looked('its mounts');
  inquiry.looked('its user');
  inquiry.looked('room on disks');
  const path = options.path;
  stale(inquiry, path);
  readOnly(inquiry, said, path);
  busy(inquiry, said);
  if (inquiry.answers.length === 0) await owners(inquiry, path ?? said.denied?.path);
  await room(inquiry, said);
  if (inquiry.answers.length === 0 && said.denied && inquiry.explicit) {
    inquiry.saw('its log', said.denied.line);
    inquiry.answer(
      'denied',
      `The kernel refused it something: ${said.denied.line}`,
      `Its user is ${container.record.config.User || 'root'}; see the owner and mode of the file.`,
      { sure: false },
    );
  }
}

function saidIn(lines: readonly string[]): Said {
  const said: Said = {};
  for (const line of lines.toReversed())
    for (const [kind, pattern] of Object.entries(SAID)) {
      if (said[kind as keyof Said] || !pattern.test(line)) continue;
      const path = /(?:^|[\s'"`(=])(\/[^\s:'"`),]+)/.exec(line.replace(/^\/bin\/\S+:/, ''))?.[1];
      said[kind as keyof Said] = { line: line.slice(0, 300), ...(path && { path }) };
    }
  return said;
}

/** A mount keeps the folder or file that was there when it was made: what stands at its path since then is another one. */
function stale(inquiry: Inquiry, path: string | undefined): void {
  const all = staleMounts(inquiry.container);
  const about = path === undefined ? undefined : mountOf(inquiry.container, path)?.Destination;
  for (const { Destination, Source } of all.filter(
    (one) => about === undefined || one.Destination === about,
  )) {
    inquiry.saw('its mounts', `the kernel marks the source of ${Destination} as deleted`);
    inquiry.answer(
      'mount-stale',
      `${Source} was removed or replaced on the host since ${Destination} was mounted: the container still has the old one, where no new files can be made and no changes of the host are seen.`,
      'Restart the container. To replace a file while it runs, mount its folder instead: editors put a new file in place of the old.',
    );
  }
}

/** What is a mount of its own is not replaced by renaming something over it. */
function busy(inquiry: Inquiry, said: Said): void {
  const named = said.busy && mountNamed(inquiry.container, said.busy.line);
  if (!named) return;
  inquiry.saw('its log', said.busy!.line);
  inquiry.answer('mount-busy', `${BUSY.text(named)}.`, BUSY.advice);
}

function readOnly(inquiry: Inquiry, said: Said, path: string | undefined): void {
  const { container } = inquiry;
  const { ReadonlyRootfs } = container.record.hostConfig;
  const place = path ?? said.readonly?.path;
  const mount = place === undefined ? undefined : mountOf(container, place);
  if (said.readonly) inquiry.saw('its log', said.readonly.line);
  if (mount && !mount.RW) {
    inquiry.saw('its mounts', `${mount.Destination} is mounted read-only`);
    inquiry.answer(
      'mount-read-only',
      `${place} is on ${mount.Destination}, which is mounted read-only.`,
      'Mount it without `ro`.',
    );
  } else if (mount && mount.Source !== '' && hostMountOptions(mount.Source).includes('ro')) {
    inquiry.saw('its mounts', `${mount.Source} is on a file system that the host has mounted read-only`);
    inquiry.answer(
      'disk-read-only',
      `${place} is on ${mount.Destination}, whose file system is read-only on the host itself.`,
      'See why (`dmesg`: a disk with errors is made read-only), and mount it for writing there.',
    );
  } else if (ReadonlyRootfs && !mount && (place !== undefined || said.readonly || inquiry.explicit)) {
    inquiry.saw('its settings', 'ReadonlyRootfs');
    inquiry.answer(
      'root-read-only',
      `Its root is read-only${place ? `, and ${place} is on it` : ''}.`,
      'Start it without --read-only, or give it a --tmpfs or a volume where it writes.',
      { sure: place !== undefined || said.readonly !== undefined },
    );
  } else inquiry.forget();
}

/** The user by whom it writes, as the host knows it. */
function writer(container: ContainerSnapshot) {
  const status = readBeginning(`/proc/${container.state.pid}/status`) ?? '';
  const ids = (name: string) => statusField(status, name).split(/\s+/).map(Number);
  return {
    uid: ids('Uid')[1] ?? 0,
    groups: [ids('Gid')[1] ?? 0, ...ids('Groups')],
    overrides: capabilitiesOf(statusField(status, 'CapEff')).includes('CAP_DAC_OVERRIDE'),
  };
}

async function owners(inquiry: Inquiry, path: string | undefined): Promise<void> {
  const { container, rooms } = inquiry;
  if (container.state.pid === 0) return;
  const users = usersOf(container);
  const who = writer(container);
  const mapped = (uid: number) => users.Uids.some(({ Host, Size }) => uid >= Host && uid < Host + Size);
  const judge = (place: string, uid: number, gid: number, mode: number): void => {
    const own = uid === who.uid;
    const bits = own ? 0o200 : who.groups.includes(gid) ? 0o020 : 0o002;
    if ((mode & bits) !== 0 || (who.overrides && mapped(uid))) return;
    const inside = insideId(users.Uids, uid);
    inquiry.saw(place, `owner ${uid} (inside: ${inside}), group ${gid}, mode ${(mode & 0o7777).toString(8)}`);
    inquiry.saw('its user', `${users.Uid} inside, ${users.HostUid} on the host`);
    if (users.Mapped && !mapped(uid))
      inquiry.answer(
        'mapped-owner',
        `${place} belongs to user ${uid} of the host, who is nobody inside: the container's users are ${users.Uids.map(({ Host, Size }) => `${Host}-${Host + Size - 1}`).join(', ')} of the host.`,
        `Give it to the container's root: chown ${users.Uids[0]?.Host ?? 0} on the host; or start it with --userns=host.`,
      );
    else
      inquiry.answer(
        'user',
        `It runs as user ${users.Uid}, who may not write in ${place}, which belongs to ${inside} with mode ${(mode & 0o777).toString(8)}.`,
        `Give the folder to that user (chown ${who.uid}), or start it with --user ${inside}.`,
      );
  };
  for (const { Type, Source, Destination, RW } of container.record.mounts) {
    if (!RW || (Type !== 'bind' && Type !== 'volume')) continue;
    const found = statSync(Source, { throwIfNoEntry: false });
    if (found?.isDirectory()) judge(Destination, found.uid, found.gid, found.mode);
  }
  if (inquiry.answers.length > 0 || path === undefined) return;
  const mount = mountOf(container, path);
  if (mount && (!mount.RW || mount.Source === '')) return;
  // The file itself, or the folder where it would be made.
  for (const place of [path, posix.dirname(path)]) {
    const found = await lookInRoot(rooms, container.record.id, place);
    inquiry.looked(place);
    if (!found) continue;
    const toHost = (id: number) => {
      const range = users.Uids.find(({ Inside, Size }) => id >= Inside && id < Inside + Size);
      return range ? id - range.Inside + range.Host : id;
    };
    judge(place, toHost(found.uid), found.gid, found.mode);
    return;
  }
}

async function room(inquiry: Inquiry, said: Said): Promise<void> {
  const { rooms, container } = inquiry;
  const { record } = container;
  const spoken = said.full ?? said.quota;
  if (spoken) inquiry.saw('its log', spoken.line);
  const limit = parseSize(record.hostConfig.StorageOpt?.['size'] ?? '');
  if (limit) {
    const { rw } = await rooms.layers.writableSize(record.id).catch(() => ({ rw: 0 }));
    if (rw > limit * NEARLY || spoken) {
      inquiry.saw('its own layer', `${rw} of ${limit} bytes`);
      return inquiry.answer(
        'quota',
        `It has written as much as it may (--storage-opt size, ${limit} bytes).`,
        'Remove files, write to a volume, or make it anew with a larger size.',
      );
    }
  }
  const place = spoken?.path;
  const mount = place === undefined ? undefined : mountOf(container, place);
  if (spoken && mount?.Type === 'tmpfs') {
    const shm = mount.Destination === '/dev/shm';
    inquiry.saw(
      'its mounts',
      `${mount.Destination} is memory${shm ? ` of ${record.hostConfig.ShmSize} bytes` : `: ${record.hostConfig.Tmpfs?.[mount.Destination] ?? ''}`}`,
    );
    return inquiry.answer(
      'tmpfs-full',
      `${mount.Destination} is a file system in memory, and full.`,
      shm
        ? 'Raise --shm-size.'
        : 'Raise the size of the tmpfs (size=), or how many files it may hold (nr_inodes=).',
    );
  }
  const disks = [
    { name: 'its own layer', source: rooms.settings.dataRoot },
    ...record.mounts
      .filter(({ RW, Type }) => RW && (Type === 'bind' || Type === 'volume'))
      .map(({ Destination, Source }) => ({ name: Destination, source: Source })),
  ];
  for (const { name, source } of disks) {
    const disk = await statfs(source).catch(() => undefined);
    if (!disk || disk.blocks === 0) continue;
    const inodes = disk.files > 0 && disk.ffree === 0;
    if (disk.bavail > 0 && !inodes) continue;
    inquiry.saw(
      `the disk of ${name}`,
      `${disk.bavail} of ${disk.blocks} blocks free, ${disk.ffree} of ${disk.files} files`,
    );
    inquiry.answer(
      'disk-full',
      `The disk that ${name} is on is full${inodes ? ': it can hold no more files' : ''}.`,
      'Make room there: `berth system df` shows what can go.',
    );
  }
  if (said.quota && inquiry.answers.length === 0) {
    inquiry.saw('its log', said.quota.line);
    return inquiry.answer(
      'quota',
      `A quota of a disk that it writes to is used up: ${said.quota.line}`,
      'See whose it is (`repquota -a`, `xfs_quota -x -c report`): of its user, its group or a project; raise it, or remove files.',
    );
  }
  inquiry.forget();
}
