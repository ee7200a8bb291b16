import type { Peer } from '../../support/peer.ts';
import { box, daemon, host, names, network, outside, seen, server, withNetworks } from './setup.ts';

/*
 * Networks as seen from where it counts: from a host outside behind a router, from the host, from containers. Peers
 * are processes of the test inside a namespace, so that they see real source addresses.
 */

withNetworks();

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
