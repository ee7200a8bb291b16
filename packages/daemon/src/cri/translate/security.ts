import { readBounded } from '../../base/files/bounded-file.ts';
import { normalizeCapabilities } from '../../runtime/index.ts';
import { choice, list, ofField, path, refuse, text, within } from '../checks.ts';
import type { ContainerSecurity, SecurityProfile, SelinuxOption } from '../messages.ts';

const FIELD = 'config.linux.security_context';
const PROFILES = ['default', 'unconfined', 'localhost'] as const;
/** Ids as the kernel's setuid takes them. */
const ID_MAX = 2 ** 31 - 1;
const PROFILE_MAX = 4 * 1024 * 1024;

/** The confinement of a container in the words of the Docker API, and what that has no words for. */
export interface Security {
  user: string;
  groups: string[];
  groupsPolicy: 'merge' | 'strict';
  capAmbient: string[];
  host: Record<string, unknown>;
}

/** @throws invalid-parameter naming the field. */
export function security(given: Partial<ContainerSecurity> | null | undefined, imageUser: string): Security {
  const privileged = given?.privileged === true;
  const names = (values: string[] | undefined, field: string) =>
    list(values, `${FIELD}.capabilities.${field}`).map((name, index) => {
      const entry = `${FIELD}.capabilities.${field}[${index}]`;
      const checked = text(name, entry, 64);
      ofField(entry, () => normalizeCapabilities([checked], field.startsWith('drop') ? 'CapDrop' : 'CapAdd'));
      return checked;
    });
  const paths = (values: string[] | undefined, field: string) =>
    list(values, `${FIELD}.${field}`).map((value, index) => path(value, `${FIELD}.${field}[${index}]`));
  const options = [
    ...seccomp(given, privileged),
    ...apparmor(given, privileged),
    ...selinux(given?.selinux_options ?? null),
    ...(given?.no_new_privs ? ['no-new-privileges'] : []),
  ];
  return {
    user: user(given, imageUser),
    groups: list(given?.supplemental_groups, `${FIELD}.supplemental_groups`).map((group, index) =>
      String(within(group, `${FIELD}.supplemental_groups[${index}]`, 0, ID_MAX)),
    ),
    groupsPolicy: choice(given?.supplemental_groups_policy, `${FIELD}.supplemental_groups_policy`, [
      'merge',
      'strict',
    ]),
    capAmbient: names(given?.capabilities?.add_ambient_capabilities, 'add_ambient_capabilities'),
    host: {
      Privileged: privileged,
      CapAdd: names(given?.capabilities?.add_capabilities, 'add_capabilities'),
      CapDrop: names(given?.capabilities?.drop_capabilities, 'drop_capabilities'),
      ReadonlyRootfs: given?.readonly_rootfs === true,
      SecurityOpt: options,
      // The client names all paths that are to be hidden; there are no defaults.
      MaskedPaths: privileged ? [] : paths(given?.masked_paths, 'masked_paths'),
      ReadonlyPaths: privileged ? [] : paths(given?.readonly_paths, 'readonly_paths'),
    },
  };
}

function user(given: Partial<ContainerSecurity> | null | undefined, imageUser: string): string {
  const name = text(given?.run_as_username, `${FIELD}.run_as_username`, 256);
  if (/[:\n]/.test(name))
    throw refuse(`${FIELD}.run_as_username`, `${JSON.stringify(name)} is no user's name`);
  const id = given?.run_as_user && within(given.run_as_user.value, `${FIELD}.run_as_user`, 0, ID_MAX);
  const group = given?.run_as_group && within(given.run_as_group.value, `${FIELD}.run_as_group`, 0, ID_MAX);
  const own = name || (id === null || id === undefined ? '' : String(id));
  if (group === null || group === undefined) return own || imageUser;
  if (own === '')
    throw refuse(`${FIELD}.run_as_group`, 'a group needs run_as_user or run_as_username beside it');
  return `${own}:${group}`;
}

/** A profile in either of its two forms: the message, or the text of older clients. */
function profile(
  given: SecurityProfile | null | undefined,
  older: string | undefined,
  field: string,
  olderField: string,
): { type: (typeof PROFILES)[number]; reference: string } | undefined {
  if (given) {
    const type = choice(given.profile_type, `${field}.profile_type`, PROFILES);
    const reference = text(given.localhost_ref, `${field}.localhost_ref`, 4096);
    if (type === 'localhost' && reference === '') throw refuse(`${field}.localhost_ref`, 'it is missing');
    if (type !== 'localhost' && reference !== '')
      throw refuse(`${field}.localhost_ref`, 'it is for profiles of the type Localhost alone');
    return { type, reference };
  }
  if (!older) return undefined;
  if (older === 'runtime/default' || older === 'docker/default') return { type: 'default', reference: '' };
  if (older === 'unconfined') return { type: 'unconfined', reference: '' };
  if (older.startsWith('localhost/'))
    return { type: 'localhost', reference: older.slice('localhost/'.length) };
  throw refuse(olderField, `${JSON.stringify(older.slice(0, 256))} is no profile`);
}

function seccomp(given: Partial<ContainerSecurity> | null | undefined, privileged: boolean): string[] {
  const field = `${FIELD}.seccomp`;
  const older = `${FIELD}.seccomp_profile_path`;
  const asked = profile(given?.seccomp, text(given?.seccomp_profile_path, older), field, older);
  if (privileged) return [];
  if (!asked || asked.type === 'unconfined') return ['seccomp=unconfined'];
  if (asked.type === 'default') return ['seccomp=builtin'];
  const file = path(asked.reference, `${field}.localhost_ref`);
  let json: string;
  try {
    json = readBounded(file, PROFILE_MAX).toString();
  } catch (error) {
    throw refuse(`${field}.localhost_ref`, `the profile ${file} cannot be read: ${(error as Error).message}`);
  }
  return [`seccomp=${json}`];
}

function apparmor(given: Partial<ContainerSecurity> | null | undefined, privileged: boolean): string[] {
  const field = `${FIELD}.apparmor`;
  const older = `${FIELD}.apparmor_profile`;
  const asked = profile(given?.apparmor, text(given?.apparmor_profile, older), field, older);
  if (!asked || asked.type === 'default') return [];
  if (asked.type === 'unconfined' || privileged) return ['apparmor=unconfined'];
  const name = asked.reference.replace(/^localhost\//, '');
  if (/\s/.test(name)) throw refuse(`${field}.localhost_ref`, `${JSON.stringify(name)} is no profile's name`);
  return [`apparmor=${name}`];
}

function selinux(given: SelinuxOption | null): string[] {
  if (!given) return [];
  return (['user', 'role', 'type', 'level'] as const).flatMap((part) => {
    const value = text(given[part], `${FIELD}.selinux_options.${part}`, 256);
    return value ? [`label=${part}:${value}`] : [];
  });
}
