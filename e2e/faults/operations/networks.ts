import type { User } from '../user.ts';

/* Networks and volumes of the user's own. */

const there = (things: Map<string, { there: string }>) =>
  [...things].filter(([, thing]) => thing.there === 'yes').map(([name]) => name);

export async function createNetwork(user: User): Promise<void> {
  const Name = user.random.name('n');
  const Internal = user.random.chance(0.2);
  const body = { Name, Internal, Labels: { user: user.label } };
  await user.thing(user.known.networks, Name, 'yes', () => user.call('POST', '/networks/create', body));
}

/** Whether a box has to do with a network, as far as is known. */
const uses = (user: User, name: string) =>
  user.known.boxes.some(
    ({ may, networks, request }) =>
      !(may.size === 1 && may.has('gone')) && (networks.has(name) || request.HostConfig.NetworkMode === name),
  );

export async function removeNetwork(user: User): Promise<void> {
  const { random, known } = user;
  const name = random.any(there(known.networks).filter((one) => !uses(user, one)));
  if (name) await user.thing(known.networks, name, 'no', () => user.call('DELETE', `/networks/${name}`));
}

export async function connect(user: User): Promise<void> {
  const { random, known } = user;
  const box = random.any(user.boxes('running', 'created', 'exited'));
  const name = random.any(there(known.networks));
  if (!box || !name || box.networks.size === 0 || box.networks.has(name)) return;
  box.networks.set(name, 'perhaps');
  const { status } = await user.call('POST', `/networks/${name}/connect`, { Container: box.id });
  if (status === 200) box.networks.set(name, 'yes');
  else if (status < 500) box.networks.delete(name);
}

export async function disconnect(user: User): Promise<void> {
  const { random } = user;
  const box = random.any(user.boxes('running', 'created', 'exited'));
  const mode = box?.request.HostConfig.NetworkMode;
  const name = random.any([...(box?.networks ?? [])].filter(([one]) => one !== mode).map(([one]) => one));
  if (!box || !name) return;
  const before = box.networks.get(name)!;
  box.networks.set(name, 'perhaps');
  const body = { Container: box.id, Force: random.chance(0.5) };
  const { status } = await user.call('POST', `/networks/${name}/disconnect`, body);
  if (status === 200) box.networks.delete(name);
  else if (status < 500) box.networks.set(name, before);
}

export async function createVolume(user: User): Promise<void> {
  const Name = user.random.name('v');
  const body = { Name, Labels: { user: user.label } };
  await user.thing(user.known.volumes, Name, 'yes', () => user.call('POST', '/volumes/create', body));
}

export async function removeVolume(user: User): Promise<void> {
  const name = user.random.any(there(user.known.volumes));
  if (!name) return;
  await user.thing(user.known.volumes, name, 'no', () => user.call('DELETE', `/volumes/${name}`));
}

export async function pruneVolumes(user: User): Promise<void> {
  const labelled = [...user.known.volumes].filter(([name]) => name.startsWith('v-'));
  for (const [, thing] of labelled) if (thing.there === 'yes') thing.there = 'perhaps';
  const filters = encodeURIComponent(JSON.stringify({ all: ['1'], label: [`user=${user.label}`] }));
  const { status, json } = await user.call('POST', `/volumes/prune?filters=${filters}`);
  if (status !== 200) return;
  for (const name of json.VolumesDeleted ?? []) user.known.volumes.set(name, { there: 'no' });
  const left = [...user.known.volumes].filter(
    ([name, thing]) =>
      name.startsWith('v-') && thing.there === 'perhaps' && labelled.some(([one]) => one === name),
  );
  // None of them is mounted anywhere, so all that were there are gone now.
  for (const [name] of left) user.known.volumes.set(name, { there: 'no' });
}
