import type { Reply } from '../connection.ts';
import { Box, type CreateRequest, type Program, type State } from '../model.ts';
import type { User } from '../user.ts';
import { IMPORTED } from './images.ts';

/* The life of a container: each operation takes one box of the user's own, so that the user knows what must come of it. */

const COUNTER = "trap 'exit 5' TERM; i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done";

function command(program: Program): string[] {
  if (program.kind === 'idle') return ['sleep', '1000'];
  const { lines, code } = program.kind === 'short' ? program : { lines: 0, code: 0 };
  const short = `i=0; while [ $i -lt ${lines} ]; do i=$((i+1)); echo $i; done; exit ${code}`;
  return ['sh', '-c', program.kind === 'short' ? short : COUNTER];
}

function someProgram({ random }: User): Program {
  if (random.chance(0.4)) return { kind: 'counter' };
  if (random.chance(0.3)) return { kind: 'idle' };
  return { kind: 'short', lines: random.pick([0, 1, 30, 400]), code: random.pick([0, 0, 1, 7, 255]) };
}

const LOGS: CreateRequest['HostConfig']['LogConfig'][] = [
  { Type: 'json-file', Config: {} },
  { Type: 'json-file', Config: {} },
  { Type: 'local', Config: {} },
  { Type: 'json-file', Config: { 'max-size': '2k', 'max-file': '3' } },
];

/** @returns the new box, or undefined when it was refused */
export async function create(user: User): Promise<Box | undefined> {
  const { random, known } = user;
  const program = someProgram(user);
  const own = random.any(
    [...known.networks].filter(([, { there }]) => there === 'yes').map(([name]) => name),
  );
  const image = random.any(
    [...known.images]
      .filter(([name, { there }]) => there === 'yes' && !name.startsWith(IMPORTED))
      .map(([name]) => name),
  );
  const volume = `${user.label}-v${random.between(0, 3)}`;
  const published = random.chance(0.3);
  const request: CreateRequest = {
    Image: image && random.chance(0.3) ? image : 'bb:latest',
    Cmd: command(program),
    Env: [`MADE_BY=${user.label}`, 'PATH=/bin:/usr/bin:/sbin'],
    Labels: { user: user.label, [random.name('label')]: random.name('value') },
    HostConfig: {
      NetworkMode: random.pick(['none', 'bridge', 'bridge', own ?? 'none']),
      AutoRemove: random.chance(0.2),
      Memory: random.pick([0, 64 << 20, 128 << 20]),
      Binds: random.chance(0.3) ? [`${volume}:/v`] : [],
      PortBindings: published ? { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] } : {},
      LogConfig: random.pick(LOGS),
    },
    ...(published ? { ExposedPorts: { '80/tcp': {} } } : {}),
  };
  const name = random.name('c');
  const ask = () => user.call('POST', `/containers/create?name=${name}`, request);
  const binds = request.HostConfig.Binds.length > 0;
  const reply = binds ? await user.thing(known.volumes, volume, 'yes', ask) : await ask();
  if (reply.status !== 201) return;
  const box = new Box(reply.json.Id, name, program, request);
  known.boxes.push(box);
  return box;
}

/** The states that a box may be in after it was started. */
const started = ({ program, removedAutomatically }: Box): State[] =>
  program.kind !== 'short' ? ['running'] : ['running', removedAutomatically ? 'gone' : 'exited'];

const ended = ({ removedAutomatically }: Box): State[] => [removedAutomatically ? 'gone' : 'exited'];

/** The exit codes of a program that nobody ends. */
const ownCodes = ({ program }: Box) => (program.kind === 'short' ? new Set([program.code]) : undefined);

async function launch(user: User, box: Box, path: string): Promise<Reply> {
  box.perhapsStarted++;
  box.pid = undefined;
  const codes = box.codes;
  box.codes = undefined;
  // A start that fails is the end of a container that goes with its end; a restart that fails has stopped it.
  const failed: State[] = box.removedAutomatically ? ['gone'] : path.includes('/restart') ? ['exited'] : [];
  const reply = await user.change(box, [...started(box), ...failed], () => user.call('POST', path));
  if (reply.status === 204) box.may = new Set(started(box));
  if (reply.status < 500) box.perhapsStarted--;
  if (reply.status === 204) {
    box.starts++;
    box.codes = ownCodes(box);
    if (box.program.kind !== 'short') await learnPid(user, box);
  } else if (reply.status < 500) {
    box.codes = codes;
  }
  return reply;
}

async function learnPid(user: User, box: Box): Promise<void> {
  const { status, json } = await user.call('GET', `/containers/${box.id}/json`);
  if (!box.is('running')) return; // another fault took it
  if (status === 200 && json.State.Running) box.pid = json.State.Pid;
  else user.broken(`container ${box.id} was started and is ${status} ${JSON.stringify(json?.State)}`);
}

export async function start(user: User): Promise<void> {
  const box = user.random.any(user.boxes('created', 'exited'));
  if (box) await launch(user, box, `/containers/${box.id}/start`);
}

export async function createAndStart(user: User): Promise<void> {
  const box = await create(user);
  if (box) await launch(user, box, `/containers/${box.id}/start`);
}

/** As `docker run --rm` does it: waits before it starts. */
export async function runToItsEnd(user: User): Promise<void> {
  const box = await create(user);
  if (box?.program.kind !== 'short') return;
  const condition = box.removedAutomatically ? 'removed' : 'next-exit';
  const waits = user
    .call('POST', `/containers/${box.id}/wait?condition=${condition}`)
    .catch((error) => error);
  const { status } = await launch(user, box, `/containers/${box.id}/start`);
  if (status !== 204) {
    // It waits for an end that will not come.
    await user.call('DELETE', `/containers/${box.id}?force=1`).catch(() => undefined);
    box.may = new Set([...box.may, 'gone']);
    return;
  }
  const reply = await waits;
  if (reply instanceof Error) throw reply;
  const expected = box.codes;
  if (reply.status === 200 && expected && !box.struck && !expected.has(reply.json.StatusCode))
    user.broken(`wait for ${box.id}: ${reply.text}, not ${[...expected]}`);
  if (reply.status === 200 && box.may.has('running')) box.may.delete('running');
}

export async function stop(user: User): Promise<void> {
  const box = user.random.any(user.boxes('running', 'paused'));
  if (!box) return;
  const seconds = box.program.kind === 'idle' ? 0 : 2;
  box.codes = new Set(box.program.kind === 'idle' ? [137] : [5, 137]);
  await user.change(box, ended(box), () => user.call('POST', `/containers/${box.id}/stop?t=${seconds}`));
}

export async function kill(user: User): Promise<void> {
  const box = user.random.any(user.boxes('running', 'paused'));
  if (!box) return;
  box.codes = new Set([137]);
  await user.change(box, ended(box), () => user.call('POST', `/containers/${box.id}/kill`));
}

export async function restart(user: User): Promise<void> {
  const box = user.random.any(user.boxes('running', 'created', 'exited'));
  if (!box || box.removedAutomatically) return;
  await launch(user, box, `/containers/${box.id}/restart?t=0`);
}

export async function pause(user: User): Promise<void> {
  const box = user.random.any(user.boxes('running'));
  if (!box) return;
  await user.change(box, ['paused'], () => user.call('POST', `/containers/${box.id}/pause`));
}

export async function unpause(user: User): Promise<void> {
  const box = user.random.any(user.boxes('paused'));
  if (!box) return;
  await user.change(box, ['running'], () => user.call('POST', `/containers/${box.id}/unpause`));
}

export async function remove(user: User): Promise<void> {
  const box = user.random.any(user.known.boxes.filter(({ may }) => !may.has('gone')));
  if (!box) return;
  const force = user.random.chance(0.7);
  const before = [...box.may];
  const reply = await user.change(box, ['gone'], () => {
    // Killed first, then removed: a daemon that is killed in between leaves the one without the other.
    if (force) box.may.add('exited');
    return user.call('DELETE', `/containers/${box.id}?v=1${force ? '&force=1' : ''}`);
  });
  // It said that it failed: it was killed by then, or is one that can be removed again.
  if (reply.status >= 500) for (const state of ['exited', 'dead'] as const) box.may.add(state);
  const alive = before.every((state) => state === 'running' || state === 'paused');
  if (!force && alive && !box.struck && reply.status === 204 && box.program.kind !== 'short')
    user.broken(`container ${box.id} was ${before} and went without force`);
}

export async function rename(user: User): Promise<void> {
  const box = user.random.any(user.known.boxes.filter(({ may }) => !may.has('gone')));
  if (!box) return;
  const name = user.random.name('r');
  const before = new Set(box.names);
  box.names.add(name);
  const { status } = await user.call('POST', `/containers/${box.id}/rename?name=${name}`);
  if (status === 204) box.names = new Set([name]);
  else if (status < 500) box.names = before;
}

export async function update(user: User): Promise<void> {
  const box = user.random.any(user.known.boxes.filter(({ may }) => !may.has('gone')));
  if (!box || box.request.HostConfig.Memory === 0) return;
  const Memory = user.random.pick([70 << 20, 200 << 20]);
  const before = new Set(box.memory);
  box.memory.add(Memory);
  const { status } = await user.call('POST', `/containers/${box.id}/update`, { Memory, MemorySwap: -1 });
  if (status === 200) box.memory = new Set([Memory]);
  else if (status < 500) box.memory = before;
}

/** Removes what this user has that does not run. */
export async function pruneContainers(user: User): Promise<void> {
  // One whose supervisor was killed may have ended.
  const boxes = user.known.boxes.filter(
    ({ may, struck }) => struck || may.has('created') || may.has('exited'),
  );
  const sure = user.boxes('created', 'exited');
  for (const { may } of boxes) may.add('gone');
  const filters = encodeURIComponent(JSON.stringify({ label: [`user=${user.label}`] }));
  const from = performance.now();
  const { status, json } = await user.call('POST', `/containers/prune?filters=${filters}`);
  if (status !== 200) return;
  // It tells what it removed, and its log why it did not the rest.
  const failed = user.stage.troubled(from, performance.now());
  const deleted = new Set<string>(json.ContainersDeleted ?? []);
  for (const box of boxes) {
    if (deleted.has(box.id)) box.may = new Set(['gone']);
    else if (failed) box.may.add('dead');
    else if (sure.includes(box)) user.broken(`prune left ${box.id}, which was ${[...box.may]}`);
  }
  for (const box of user.known.boxes) {
    if (!deleted.has(box.id) || boxes.includes(box)) continue;
    // Its supervisor was killed while the prune was under way.
    if (box.struck) box.may = new Set(['gone']);
    else user.broken(`prune took ${box.id}, which was ${[...box.may]}`);
  }
}
