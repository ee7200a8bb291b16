import { sleep, type TestDaemon } from '../support/daemon.ts';
import { call, type Reply } from './connection.ts';
import { addresses, frozen, isThere, isZombie, links } from './kernel.ts';
import type { Box, State } from './model.ts';
import { brokenFollower, brokenLog, logLines } from './outputs.ts';
import type { User } from './user.ts';

/* The invariants that must be true after a round, whatever happened in it. */

interface Listed {
  Id: string;
  Names: string[];
  State: string;
}

/** How long what goes on behind the answers may take to come to rest, in milliseconds. */
const REST = 12_000;

/** Inspects what the users were told against what the daemon says and the kernel has. */
export async function brokenPromises(daemon: TestDaemon, users: User[]): Promise<string[]> {
  const get = (path: string) => call(daemon.socket, { method: 'GET', path });
  const broken: string[] = [];
  await rest(daemon, users);
  const list = (await get('/containers/json?all=1')).json as Listed[];
  const states = new Map(list.map((one) => [one.Id, one]));
  for (const { Id, State } of list) {
    const { status, json } = await get(`/containers/${Id}/json`);
    if (status !== 200) broken.push(`container ${Id} is listed as ${State}; its inspection: ${status}`);
    else if (json.State.Status !== State)
      broken.push(`container ${Id} is listed as ${State} and inspected as ${json.State.Status}`);
    else broken.push(...kernelDisagrees(Id, json));
  }
  for (const { known } of users) {
    for (const box of known.boxes) broken.push(...(await boxBroken(box, states.get(box.id), get)));
    await things(known.volumes, 'volume', async (name) => (await get(`/volumes/${name}`)).json?.Name, broken);
    await things(
      known.networks,
      'network',
      async (name) => (await get(`/networks/${name}`)).json?.Id,
      broken,
    );
    await things(known.images, 'image', async (name) => (await get(`/images/${name}/json`)).json?.Id, broken);
  }
  for (const user of users) broken.push(...(await followersBroken(user, get)));
  return broken;
}

/** Programs that end by themselves have time to, and removals behind an answer. */
async function rest(daemon: TestDaemon, users: User[]): Promise<void> {
  const short = users
    .flatMap(({ known }) => known.boxes)
    .filter(({ program, may }) => program.kind === 'short' && !may.has('paused'));
  for (const deadline = Date.now() + REST; Date.now() < deadline; await sleep(30)) {
    const list = (await call(daemon.socket, { method: 'GET', path: '/containers/json?all=1' }))
      .json as Listed[];
    const moving = list.filter(
      ({ Id, State }) =>
        ['removing', 'restarting'].includes(State) ||
        short.some(
          ({ id, removedAutomatically }) =>
            id === Id && (State === 'running' || (State === 'exited' && removedAutomatically)),
        ),
    );
    if (moving.length === 0) return;
  }
}

async function things(
  known: User['known']['volumes'],
  kind: string,
  find: (name: string) => Promise<string | undefined>,
  broken: string[],
): Promise<void> {
  for (const [name, { there, value }] of known) {
    if (there === 'perhaps') continue;
    const found = await find(name);
    if ((found !== undefined) !== (there === 'yes'))
      broken.push(
        `${kind} ${name}: acknowledged as ${there === 'yes' ? 'made' : 'removed'}, found: ${found}`,
      );
    else if (value && found !== value) broken.push(`${kind} ${name} was ${value} and is ${found}`);
  }
}

// biome-ignore lint/suspicious/noExplicitAny: an inspection as it came
function kernelDisagrees(id: string, inspected: any): string[] {
  const { Status, Pid, Running, Paused } = inspected.State;
  const alive = Status === 'running' || Status === 'paused';
  const wrong = (what: string) => [`container ${id} is ${Status}: ${what}`];
  if (alive !== Pid > 0 || alive !== Running || (Status === 'paused') !== Paused)
    return wrong(`its state says ${JSON.stringify(inspected.State)}`);
  if (!alive) return [];
  if (!isThere(Pid) || isZombie(Pid)) return wrong(`its process ${Pid} is not there`);
  const ice = frozen(Pid);
  if (ice !== undefined && ice !== (Status === 'paused'))
    return wrong(`its cgroup is ${ice ? '' : 'not '}frozen`);
  const mode = inspected.HostConfig.NetworkMode;
  if (mode === 'host' || mode.startsWith('container:')) return [];
  const networks = Object.entries<{ IPAddress: string }>(inspected.NetworkSettings.Networks ?? {}).filter(
    ([name]) => name !== 'none',
  );
  const told = networks.map(([, { IPAddress }]) => IPAddress).sort();
  const found = addresses(Pid);
  if (found.join() !== told.join()) return wrong(`it is told to have the addresses ${told} and has ${found}`);
  const plugged = links(Pid);
  if (plugged.length !== networks.length)
    return wrong(`it is in ${networks.map(([name]) => name)} and has the links ${plugged}`);
  return [];
}

async function boxBroken(
  box: Box,
  listed: Listed | undefined,
  get: (path: string) => Promise<Reply>,
): Promise<string[]> {
  const state = (listed?.State ?? 'gone') as State;
  const wrong: string[] = [];
  const say = (what: string) => wrong.push(`container ${box.id} (${box.program.kind}): ${what}`);
  // A program that ends by itself has done so by now.
  const settled = new Set(box.may);
  if (box.program.kind === 'short') {
    if (settled.delete('running')) settled.add(box.removedAutomatically ? 'gone' : 'exited');
  }
  if (box.struck) settled.add(box.removedAutomatically ? 'gone' : 'exited');
  if (!settled.has(state)) say(`was acknowledged as ${[...settled].join(' or ')} and is ${state}`);
  if (!listed) return wrong;
  const { json, status } = await get(`/containers/${box.id}/json`);
  if (status !== 200) return wrong;
  const name = json.Name.slice(1);
  if (!box.names.has(name) || listed.Names[0] !== json.Name)
    say(`was named ${[...box.names]} and is ${name}, in the list ${listed.Names}`);
  const same = (what: string, found: unknown, wanted: unknown) => {
    const [is, was] = [canonical(found), canonical(wanted)];
    if (is !== was) say(`${what} was ${was} and is ${is}`);
  };
  const { request } = box;
  same('Cmd', json.Config.Cmd, request.Cmd);
  same('Env', json.Config.Env, request.Env);
  // An image that was committed has the labels of its container, too.
  const labels = Object.entries<string>(json.Config.Labels).filter(
    ([label]) => label in request.Labels || request.Image === 'bb:latest',
  );
  same('Labels', Object.fromEntries(labels), request.Labels);
  same('Image', json.Config.Image, request.Image);
  for (const field of ['NetworkMode', 'AutoRemove', 'PortBindings', 'LogConfig'] as const)
    same(field, json.HostConfig[field], request.HostConfig[field]);
  same('Binds', json.HostConfig.Binds ?? [], request.HostConfig.Binds);
  if (!box.memory.has(json.HostConfig.Memory))
    say(`Memory was ${[...box.memory]} and is ${json.HostConfig.Memory}`);
  const connected = Object.keys(json.NetworkSettings.Networks ?? {}).filter((one) => one !== 'none');
  for (const [network, sure] of box.networks)
    if (sure === 'yes' && !connected.includes(network)) say(`its network ${network} is lost: ${connected}`);
  for (const network of connected) if (!box.networks.has(network)) say(`it is in ${network}, which it left`);
  if (box.is('running') && box.pid !== undefined && json.State.Pid !== box.pid)
    say(`was process ${box.pid} and is ${json.State.Pid}`);
  if (box.is('exited') && box.codes && !box.codes.has(json.State.ExitCode))
    say(`ended with ${json.State.ExitCode}, not ${[...box.codes]}`);
  const logs = await get(`/containers/${box.id}/logs?stdout=1`);
  const log = logs.status === 200 ? brokenLog(box, logLines(logs)) : `${logs.status} ${logs.text}`;
  if (log) say(`its log: ${log}`);
  return wrong;
}

/** Output that was followed is in the log, in order and once. */
async function followersBroken(user: User, get: (path: string) => Promise<Reply>): Promise<string[]> {
  const wrong: string[] = [];
  for (const { box, follower, what, whole } of user.followed) {
    const rotated = box.request.HostConfig.LogConfig.Config['max-size'] !== undefined;
    const lines = follower.lines;
    const logs = await get(`/containers/${box.id}/logs?stdout=1`);
    const stored = logs.status === 200 && !rotated && !box.cut ? logLines(logs) : lines;
    const broken = brokenFollower(lines, stored, { whole, rotated });
    if (broken && !box.cut) wrong.push(`container ${box.id}: ${what} ${broken}`);
    follower.close();
  }
  return wrong;
}

/** JSON with the names of objects in order. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, one) =>
    one && typeof one === 'object' && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  ) ?? 'undefined';
