import type { User } from '../user.ts';

/* Containers that all users lay hands on at once. Nobody knows what must come of it, but the answers must come, none may be
   an error of the system, and afterwards what is told must be true. */

const NAMES = ['shared-a', 'shared-b'];

/** Refusals that another user's doing explains. */
export async function contend(user: User): Promise<void> {
  const { random } = user;
  const name = random.pick(NAMES);
  const post = (what: string, body?: object) => user.call('POST', `/containers/${name}/${what}`, body);
  const acts: (() => Promise<unknown>)[] = [
    () => post('start'),
    () => post('start'),
    () => post('pause'),
    () => post('unpause'),
    () => post('unpause'),
    () => post('stop?t=0'),
    () => post('kill'),
    () => post('restart?t=0'),
    () => user.call('DELETE', `/containers/${name}?force=1`),
    () => createShared(user, name),
    () => createShared(user, name),
    () => execShared(user, name),
    () => execShared(user, name),
    () => user.call('GET', `/containers/${name}/json`),
  ];
  await random.pick(acts)();
}

async function createShared(user: User, name: string): Promise<void> {
  await user.call('POST', `/containers/create?name=${name}`, {
    Image: 'bb:latest',
    Cmd: ['sleep', '1000'],
    HostConfig: { NetworkMode: user.random.pick(['none', 'bridge']), AutoRemove: user.random.chance(0.3) },
  });
}

async function execShared(user: User, name: string): Promise<void> {
  const made = await user.call('POST', `/containers/${name}/exec`, {
    AttachStdout: true,
    Cmd: ['echo', 'shared'],
  });
  if (made.status !== 201) return;
  // A frozen container's exec starts when it is thawed: it is not waited for.
  const waited = user.follow('POST', `/exec/${made.json.Id}/start`, { Detach: false }, { patience: 3000 });
  const follower = await waited.catch(() => undefined);
  follower?.close();
}
