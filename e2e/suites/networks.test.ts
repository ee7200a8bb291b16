import { spawnSync } from 'node:child_process';
import { TestDaemon, until } from '../support/daemon.ts';
import { Outside, run } from '../support/outside.ts';
import { Peer } from '../support/peer.ts';

/*
 * Networks as seen from where it counts: from a host outside behind a router, from the host, from containers. Peers
 * are processes of the test inside a namespace, so that they see real source addresses.
 */

let daemon: TestDaemon;
let outside: Outside;
let host: Peer;
const peers: Peer[] = [];

const SUBNET = '10.198.7.0/24';
const SUBNET6 = 'fd78:7::/64';

beforeAll(async () => {
  outside = await Outside.make();
  daemon = await TestDaemon.start();
  host = await Peer.start();
  for (const server of [outside.peer, host]) {
    await server.ask('listen', { port: server === host ? 28001 : 8001 });
    await server.ask('listenUdp', { port: server === host ? 28001 : 8001 });
  }
  const both = [outside.outside4, outside.outside6];
  await outside.peer.ask('serveNames', {
    records: { 'www.example.com': ['192.0.2.7', '2001:db8::7'], 'allowed.test': both, 'other.test': both },
    host: outside.outside4,
  });
  await network('plain');
  await network('dual', {
    EnableIPv6: true,
    IPAM: { Config: [{ Subnet: SUBNET }, { Subnet: SUBNET6 }] },
  });
  outside.routeToContainers(SUBNET);
  outside.routeToContainers(SUBNET6);
});
afterAll(async () => {
  for (const peer of [...peers, host]) await peer?.stop();
  await daemon?.dispose();
  await outside?.remove();
});

async function network(Name: string, options: Record<string, unknown> = {}): Promise<void> {
  const answer = await daemon.call('POST', '/networks/create', { Name, ...options });
  if (answer.status !== 201) throw new Error(answer.text);
}

interface Box {
  id: string;
  ip: string;
  ip6: string;
  peer: Peer;
}

/** A container that sleeps, and a peer in its network namespace. `ports`: container port/protocol to host port. */
async function box(
  name: string,
  net: string,
  ports: Record<string, string> = {},
  options: {
    config?: Record<string, unknown>;
    endpoint?: Record<string, unknown>;
    labels?: Record<string, string>;
  } = {},
): Promise<Box> {
  const PortBindings = Object.fromEntries(
    Object.entries(ports).map(([port, at]) => {
      const [, HostIp, HostPort] = /^(?:(.*):)?(\d+)$/.exec(at)!;
      return [port, [{ HostIp: HostIp ?? '', HostPort }]];
    }),
  );
  const id = await daemon.box(
    ['sleep', '1000'],
    {
      ExposedPorts: Object.fromEntries(Object.keys(ports).map((port) => [port, {}])),
      Labels: options.labels ?? {},
      HostConfig: { NetworkMode: net, PortBindings, ...options.config },
      ...(options.endpoint && { NetworkingConfig: { EndpointsConfig: { [net]: options.endpoint } } }),
    },
    name,
  );
  const { json } = await daemon.call('GET', `/containers/${id}/json`);
  const { IPAddress, GlobalIPv6Address } = json.NetworkSettings.Networks[net];
  const peer = await Peer.start(`/proc/${json.State.Pid}/ns/net`);
  peers.push(peer);
  return { id, ip: IPAddress, ip6: GlobalIPv6Address, peer };
}

/** A box with a server on port 80, TCP and UDP. */
async function server(...args: Parameters<typeof box>): Promise<Box> {
  const made = await box(...args);
  await made.peer.ask('listen', { port: 80 });
  await made.peer.ask('listenUdp', { port: 80 });
  return made;
}

const first = (text: unknown) => String(text).split('\n')[0];
/** The source address that the server on that address sees, or the error. */
const seen = async (from: Peer, address: string, port: number) =>
  first(await from.try('tcp', { host: address, port }));
const names = (box: Box, name: string, type = 'A', tcp = false) =>
  box.peer.ask('resolve', { server: '127.0.0.11', name, type, tcp });

describe('traffic', () => {
  test('goes out with the address of the host, and only answers come in', async () => {
    const one = await server('out-plain', 'bridge');
    const two = await server('out-dual', 'dual');
    expect(await seen(one.peer, outside.outside4, 8001)).toBe(outside.host4);
    expect(await seen(two.peer, outside.outside4, 8001)).toBe(outside.host4);
    expect(await seen(two.peer, outside.outside6, 8001)).toBe(outside.host6);
    expect(await two.peer.ask('udp', { host: outside.outside4, port: 8001 })).toBe(`${outside.host4} hello`);
    expect(await seen(host, two.ip, 80)).toMatch(/^10\.198\.7\./);
    // A neighbour of the host that sends to the containers' addresses gets nowhere.
    expect(await seen(outside.peer, two.ip, 80)).toBe('timeout');
    expect(await outside.peer.ask('udp', { host: two.ip6, port: 80 })).toBe('timeout');
  });

  test('stays inside each network', async () => {
    const [one, two] = [await server('apart-plain', 'plain'), await server('apart-dual', 'dual')];
    const near = await server('near-dual', 'dual');
    expect(await seen(near.peer, two.ip, 80)).toBe(near.ip);
    expect(await seen(near.peer, two.ip6, 80)).toBe(near.ip6);
    expect(await one.peer.ask('udp', { host: two.ip, port: 80 })).toBe('timeout');
    expect(await seen(two.peer, one.ip, 80)).toBe('timeout');
  });

  test('leaves no internal network by a route of its own or the ports that others publish', async () => {
    const Config = [{ Subnet: '10.198.8.0/24' }, { Subnet: 'fd78:8::/64' }];
    await network('inner6', { Internal: true, EnableIPv6: true, IPAM: { Config } });
    const plain = await server('public-plain', 'plain', { '80/tcp': '28070', '80/udp': '28070' });
    const dual = await server('public-dual', 'dual', { '80/tcp': '28071' });
    const inner = await server('inner6-one', 'inner6', {}, { config: { CapAdd: ['NET_ADMIN'] } });
    for (const gateway of ['10.198.8.1', 'fd78:8::1']) {
      const family = gateway.includes(':') ? '-6' : '-4';
      const route = ['ip', family, 'route', 'add', 'default', 'via', gateway];
      expect(daemon.docker(['exec', inner.id, ...route]).status).toBe(0);
    }
    const closed: Array<[Peer, string, number]> = [
      ...[plain.ip, dual.ip, dual.ip6].map((address): [Peer, string, number] => [inner.peer, address, 80]),
      ...[inner.ip, inner.ip6].map((address): [Peer, string, number] => [dual.peer, address, 80]),
      ...[28070, 28071].flatMap(
        (port): Array<[Peer, string, number]> => [
          [inner.peer, '10.198.8.1', port],
          [inner.peer, 'fd78:8::1', port],
        ],
      ),
    ];
    expect(await Promise.all(closed.map((one) => seen(...one)))).toEqual(closed.map(() => 'timeout'));
    expect(await inner.peer.ask('udp', { host: 'fd78:8::1', port: 28070 })).toBe('timeout');
    // From elsewhere the same ports are open.
    const open = [seen(dual.peer, 'fd78:7::1', 28070), seen(host, '::1', 28070), seen(host, '::1', 28071)];
    for (const answer of await Promise.all(open)) expect(answer).not.toMatch(/timeout|^E/);
  });

  test('does not leave an internal network, nor do its names', async () => {
    await outside.peer.ask('asked', {});
    await network('inner', { Internal: true });
    const one = await server('inner-one', 'inner');
    const two = await server('inner-two', 'inner', {}, { config: { Dns: [outside.outside4] } });
    expect(await seen(two.peer, one.ip, 80)).toBe(two.ip);
    expect(await two.peer.try('tcp', { host: outside.outside4, port: 8001 })).toMatch(
      /ENETUNREACH|EHOSTUNREACH|timeout/,
    );
    expect(await names(two, 'inner-one')).toEqual({ rcode: 'NOERROR', answers: [one.ip] });
    expect((await names(two, 'www.example.com')).rcode).toBe('SERVFAIL');
    expect((await names(one, 'www.example.com')).rcode).toBe('SERVFAIL');
    expect(await outside.peer.ask('asked', {})).toEqual([]);
  });

  test('has the size that the network says', async () => {
    await network('small', { Options: { 'com.docker.network.driver.mtu': '1280' } });
    const one = await box('small-one', 'small');
    expect(daemon.docker(['exec', one.id, 'cat', '/sys/class/net/eth0/mtu']).stdout).toBe('1280\n');
    expect(daemon.docker(['exec', one.id, 'ping', '-c1', '-W2', '-s', '4000', outside.outside4]).status).toBe(
      0,
    );
  });
});

describe('published ports', () => {
  test('are reached from everywhere; the client keeps its address', async () => {
    const web = await server('web', 'dual', { '80/tcp': '28080', '80/udp': '28080' });
    const near = await box('web-near', 'dual');
    const far = await box('web-far', 'plain');
    const at = (from: Peer, address: string) => seen(from, address, 28080);
    expect(await at(outside.peer, outside.host4)).toBe(outside.outside4);
    expect(await at(outside.peer, outside.host6)).toBe(outside.outside6);
    const gateway = /^10\.198\.7\.1$|^fd78:7::1$/;
    expect(await at(host, '127.0.0.1')).toMatch(gateway);
    expect(await at(host, '::1')).toMatch(gateway);
    expect(await at(host, outside.host4)).toBeTruthy();
    expect(await at(web.peer, outside.host4)).toMatch(/^[\d.]+$/);
    expect(await at(near.peer, outside.host4)).toMatch(/^[\d.]+$/);
    expect(await at(far.peer, outside.host4)).toMatch(/^[\d.]+$/);
    expect(await at(near.peer, outside.host6)).toMatch(/^[\da-f:]+$/);
    const datagram = (from: Peer, address: string) => from.ask('udp', { host: address, port: 28080 });
    expect(await datagram(outside.peer, outside.host4)).toBe(`${outside.outside4} hello`);
    expect(await datagram(outside.peer, outside.host6)).toBe(`${outside.outside6} hello`);
    for (const [from, address] of [
      [host, '127.0.0.1'],
      [host, '127.0.0.9'],
      [host, '::1'],
      [near.peer, outside.host4],
      [far.peer, outside.host4],
      [web.peer, outside.host4],
    ] as const)
      expect(await datagram(from, address)).toMatch(/ hello$/);
  });

  test('of a container without IPv6 serve IPv6 clients', async () => {
    await server('four', 'plain', { '80/tcp': '28081', '80/udp': '28081' });
    expect(await seen(outside.peer, outside.host4, 28081)).toBe(outside.outside4);
    expect(await seen(outside.peer, outside.host6, 28081)).toMatch(/^172\.|^10\.|^192\./);
    expect(await outside.peer.ask('udp', { host: outside.host6, port: 28081 })).toMatch(/ hello$/);
    const text = 'x'.repeat(300_000);
    const back = await host.ask('tcp', { host: '::1', port: 28081, send: text });
    expect(back.slice(back.indexOf('\n') + 1)).toBe(text);
  });

  test('of the loopback address are for the host alone', async () => {
    await server('loop', 'dual', { '80/tcp': '127.0.0.1:28082' });
    expect(await seen(host, '127.0.0.1', 28082)).toMatch(/^10\.198\.7\.1$/);
    expect(await seen(outside.peer, outside.host4, 28082)).toBe('ECONNREFUSED');
  });

  test('that are taken are refused, with the reason', async () => {
    await box('first', 'plain', { '80/tcp': '28083' });
    await expect(box('second', 'plain', { '80/tcp': '28083' })).rejects.toThrow(/port is already allocated/);
    await expect(box('third', 'plain', { '80/tcp': '28001' })).rejects.toThrow(
      /28001.*address already in use/,
    );
    await expect(box('fourth', 'plain', { '80/tcp': '203.0.113.9:28084' })).rejects.toThrow(
      /cannot assign requested address/,
    );
    await daemon.call('DELETE', '/containers/first?force=1');
    expect((await daemon.call('POST', '/containers/second/start')).status).toBe(204);
  });
});

describe('names', () => {
  test('of containers, aliases and networks, in both directions', async () => {
    const one = await box('svc-one', 'dual', {}, { endpoint: { Aliases: ['svc', 'Only'] } });
    const two = await box('svc-two', 'dual', {}, { endpoint: { Aliases: ['svc'] } });
    for (const tcp of [false, true]) {
      for (const name of ['svc-one', 'SVC-ONE', 'only', one.id.slice(0, 12), 'svc-one.dual'])
        expect(await names(two, name, 'A', tcp)).toEqual({ rcode: 'NOERROR', answers: [one.ip] });
      expect(await names(two, 'svc-one', 'AAAA', tcp)).toEqual({ rcode: 'NOERROR', answers: [one.ip6] });
      expect(await names(two, 'svc-one', 'TXT', tcp)).toEqual({ rcode: 'NOERROR', answers: [] });
    }
    const both = await names(one, 'svc');
    expect(both.answers.toSorted()).toEqual([one.ip, two.ip].toSorted());
    const firsts = new Set<string>();
    for (let i = 0; i < 4; i++) firsts.add((await names(one, 'svc')).answers[0]!);
    expect(firsts.size).toBe(2);
    const reverse = `${one.ip.split('.').reverse().join('.')}.in-addr.arpa`;
    expect((await names(two, reverse, 'PTR')).answers).toEqual(['svc-one.dual']);
    expect(daemon.docker(['exec', two.id, 'nslookup', 'svc-one']).stdout).toContain(one.ip);
    const plain = await box('svc-plain', 'plain');
    expect((await names(plain, 'svc-plain', 'AAAA')).answers).toEqual([]);

    // They follow what happens to containers.
    await daemon.call('POST', `/containers/${one.id}/rename?name=svc-new`);
    expect((await names(two, 'svc-new')).answers).toEqual([one.ip]);
    await daemon.call('POST', '/networks/plain/connect', { Container: two.id });
    expect((await names(two, 'svc-plain')).answers).toEqual([plain.ip]);
    expect((await names(plain, 'svc-two')).answers).toHaveLength(1);
    await daemon.call('POST', '/networks/plain/disconnect', { Container: two.id });
    expect((await names(plain, 'svc-two')).answers).toEqual([]);
    await daemon.call('POST', `/containers/${one.id}/stop?t=0`);
    expect((await names(two, 'svc')).answers).toEqual([two.ip]);
  });

  test('of others are asked of the servers given, once', async () => {
    const one = await box(
      'ask',
      'plain',
      {},
      { config: { Dns: [outside.outside4.replace(/2$/, '99'), outside.outside4] } },
    );
    await outside.peer.ask('asked', {});
    expect(await names(one, 'www.example.com')).toEqual({ rcode: 'NOERROR', answers: ['192.0.2.7'] });
    expect(await names(one, 'WWW.example.com')).toEqual({ rcode: 'NOERROR', answers: ['192.0.2.7'] });
    expect((await names(one, 'www.example.com', 'AAAA', true)).answers).toEqual(['2001:db8::7']);
    expect((await names(one, 'nothing.example.com')).rcode).toBe('NXDOMAIN');
    expect(await outside.peer.ask('asked', {})).toEqual([
      'A www.example.com',
      'AAAA www.example.com',
      'A nothing.example.com',
    ]);
    expect(daemon.docker(['exec', one.id, 'nslookup', 'www.example.com']).stdout).toContain('192.0.2.7');
  });

  test('leave port 53 to the programs of the container', async () => {
    const one = await box('server', 'plain');
    await one.peer.ask('serveNames', { records: { 'here.test': ['192.0.2.8'] }, host: '0.0.0.0' });
    const two = await box('client', 'plain');
    expect((await names(two, 'server')).answers).toEqual([one.ip]);
    const reply = await two.peer.ask('resolve', { server: one.ip, name: 'here.test', type: 'A' });
    expect(reply.answers).toEqual(['192.0.2.8']);
  });
});

describe('an egress policy', () => {
  test('lets out what it names, and what the name service told of a name', async () => {
    const one = await box(
      'strict',
      'dual',
      {},
      {
        config: { Dns: [outside.outside4] },
        labels: {
          'berth.egress.allow': `${outside.outside4}:53/udp *.test:8001/udp allowed.test:8001/tcp`,
        },
      },
    );
    const near = await server('strict-near', 'dual');
    const out = (address: string) => seen(one.peer, address, 8001);
    expect(await seen(one.peer, near.ip, 80)).toBe(one.ip);
    expect(await out(outside.outside4)).toMatch(/^E/);
    expect((await names(one, 'other.test')).answers).toEqual([outside.outside4]);
    expect(await one.peer.ask('udp', { host: outside.outside4, port: 8001 })).toMatch(/ hello$/);
    expect(await out(outside.outside4)).toMatch(/^E/);
    expect((await names(one, 'allowed.test')).answers).toEqual([outside.outside4]);
    expect(await out(outside.outside4)).toBe(outside.host4);
    expect(await out(outside.outside6)).toMatch(/^E/);
    expect((await names(one, 'allowed.test', 'AAAA')).answers).toEqual([outside.outside6]);
    expect(await out(outside.outside6)).toBe(outside.host6);
    // The table is made anew with each network.
    await network('another');
    expect(await out(outside.outside4)).toBe(outside.host4);
  });
});

describe('without the daemon', () => {
  test('published ports, running connections and names go on', async () => {
    const web = await server('lasting', 'dual', { '80/tcp': '28090', '80/udp': '28090' });
    const near = await box('lasting-near', 'dual');
    const paths = [
      [outside.peer, outside.host4],
      [outside.peer, outside.host6],
      [host, '127.0.0.1'],
      [host, '::1'],
    ] as const;
    const held: Array<readonly [peer: Peer, connection: number]> = [];
    for (const [from, address] of paths)
      held.push([from, await from.ask('hold', { host: address, port: 28090 })] as const);
    const talk = async () => {
      for (const [from, connection] of held) {
        const text = await from.ask('talk', { connection, send: 'and on\n' });
        expect(text).toHaveLength(7);
      }
    };
    const check = async () => {
      await talk();
      for (const [from, address] of paths) expect(await seen(from, address, 28090)).toMatch(/^[\da-f.:]+$/);
      expect(await outside.peer.ask('udp', { host: outside.host4, port: 28090 })).toMatch(/ hello$/);
      expect(await host.ask('udp', { host: '127.0.0.1', port: 28090 })).toMatch(/ hello$/);
      expect((await names(near, 'lasting')).answers).toEqual([web.ip]);
    };
    await daemon.down('SIGKILL');
    await check();
    await daemon.up();
    await check();
    await daemon.call('DELETE', `/containers/${web.id}?force=1`);
    expect(await seen(host, '127.0.0.1', 28090)).toBe('ECONNREFUSED');
    expect(await seen(outside.peer, outside.host4, 28090)).toBe('ECONNREFUSED');
  });
});

describe('the firewall', () => {
  test('is back within a second after somebody deleted it; connections go on', async () => {
    const web = await server('walled', 'dual', { '80/tcp': '28091' });
    const connection = await outside.peer.ask('hold', { host: outside.host4, port: 28091 });
    const table = ['table', 'inet', await daemon.table()];
    const rules = () => spawnSync('nft', ['list', ...table], { encoding: 'utf8' }).stdout;
    run('nft', 'delete', ...table);
    const deleted = Date.now();
    await until('the firewall to be restored', () => rules().includes('28091'), 3000);
    expect(Date.now() - deleted).toBeLessThan(1000);
    const text = await outside.peer.ask('talk', { connection, send: '', size: outside.outside4.length + 1 });
    expect(text).toBe(`${outside.outside4}\n`);
    expect(await outside.peer.ask('talk', { connection, send: 'still here' })).toBe('still here');
    expect(await seen(outside.peer, outside.host4, 28091)).toBe(outside.outside4);
    expect(await seen(outside.peer, web.ip, 80)).toBe('timeout');
  });
});
