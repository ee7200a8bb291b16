import { readFileSync } from 'node:fs';
import { networks, ownTable, reopen, request, resident, run, withNetworks } from './testing-room.ts';

/* Links, rules and processes that killed helpers, daemons and other programs leave are cleared or brought back. Needs root. */

withNetworks();

/** The process that makes links for the room under test. */
function workerPid(): number {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ').filter(Boolean);
  const found = children.filter(
    (pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[1] === 'net',
  );
  return Number(found.at(-1));
}

async function until(what: string, done: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 10_000; !done(); await new Promise((next) => setTimeout(next, 20)))
    if (Date.now() > deadline) throw new Error(`${what}: not within 10 s`);
}

test('a network that could not be made leaves no link; one that a killed worker left goes with the next worker', async () => {
  const group = readFileSync(`/proc/${workerPid()}/cmdline`, 'utf8').split('\0')[2]!;
  const links = () =>
    (JSON.parse(run('ip', '-j', 'link', 'show', 'group', group) || '[]') as Array<{ ifname?: string }>)
      .flatMap(({ ifname = '' }) => (/^(?:veth|$)/.test(ifname) ? [] : [ifname]))
      .sort();
  const before = links();
  const name = `bt${process.pid.toString(36)}s`;
  await expect(
    networks.create({
      Name: 'multicast',
      EnableIPv6: true,
      IPAM: { Config: [{ Subnet: 'ff0e:7::/64' }] },
      Options: { 'com.docker.network.bridge.name': name },
    }),
    // The kernel has no multicast address of its own on a link: it says so when the link is there.
  ).rejects.toThrow(/annot assign requested address/);
  expect(links()).toEqual(before);

  run('ip', 'link', 'add', name, 'group', group, 'type', 'bridge');
  expect(links()).toHaveLength(before.length + 1);
  const kept = request();
  const { path } = await networks.attach(kept);
  const pid = await resident(path);
  process.kill(workerPid(), 'SIGKILL');
  await until('the strangers', () => links().length === before.length);
  expect(links()).toEqual(before);
  expect(Object.keys(await networks.stats(pid))).toEqual(['eth0']);
  await networks.forget(kept.id);
});

test('more ports than a record has room for are let go on the host too', async () => {
  const bound = () =>
    readFileSync('/proc/net/udp', 'utf8')
      .split('\n')
      .map((line) => Number.parseInt(/^ *\d+: 0100007F:([0-9A-F]{4})/.exec(line)?.[1] ?? '0', 16))
      .filter((port) => port >= 28800 && port <= 29099).length;
  const many = request({
    portBindings: { '1000-1299/udp': [{ HostIp: '127.0.0.1', HostPort: '28800-29099' }] },
  });
  await networks.attach(many);
  expect(bound()).toBe(300);
  await networks.forget(many.id);
  expect(bound()).toBe(0);
});

test('a daemon that starts anew keeps what runs and clears the rest', async () => {
  const [stays, goes] = [
    request(),
    request({ portBindings: { '80/tcp': [{ HostIp: '', HostPort: '28742' }] } }),
  ];
  const kept = await networks.attach(stays);
  const pid = await resident(kept.path);
  await networks.attach(goes);
  await reopen({}, [{ request: stays, pid }]);
  expect(networks.state(stays.id)!.endpoints['bridge']).toEqual(kept.state.endpoints['bridge']);
  expect(Object.keys(networks.inspect('bridge').Containers)).toEqual([stays.id]);
  const next = request();
  const { state } = await networks.attach(next);
  expect(state.endpoints['bridge']!.IPAddress).not.toBe(kept.state.endpoints['bridge']!.IPAddress);
  const stats = await networks.stats(pid);
  expect(stats['eth0']).toMatchObject({ rx_errors: 0, tx_dropped: 0 });
  for (const { id } of [stays, goes, next]) await networks.forget(id);
});

test('a table that somebody deleted is back within a second', async () => {
  run('nft', 'delete', 'table', 'inet', ownTable()!);
  const until = Date.now() + 1000;
  while (!ownTable() && Date.now() < until) await new Promise((done) => setTimeout(done, 20));
  expect(ownTable()).toBeDefined();
});
