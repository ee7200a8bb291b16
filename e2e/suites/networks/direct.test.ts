import { type Box, daemon, host, network, outside, seen, server, withNetworks } from './setup.ts';

/*
 * Containers at their own addresses, from a host outside that has a route to them: what gateway modes, trusted interfaces
 * and `--allow-direct-routing` let in.
 */

const MODE = 'com.docker.network.bridge.gateway_mode_ipv';
const TRUSTED = 'com.docker.network.bridge.trusted_host_interfaces';
const PUBLISHED = { '80/tcp': '28180', '80/udp': '28180' };

const subnets = (n: number) => ({
  EnableIPv6: true,
  IPAM: { Config: [{ Subnet: `10.198.${n}.0/24` }, { Subnet: `fd78:${n}::/64` }] },
});

async function reachable(n: number, Options: Record<string, string>): Promise<string> {
  await network(`net${n}`, { ...subnets(n), Options });
  outside.routeToContainers(`10.198.${n}.0/24`);
  outside.routeToContainers(`fd78:${n}::/64`);
  return `net${n}`;
}

/** The server's answers to the outside, at its own addresses, by TCP on a port of each family and by UDP. */
const fromOutside = ({ ip, ip6 }: Box, port = 80) =>
  Promise.all([
    seen(outside.peer, ip, port),
    seen(outside.peer, ip6, port),
    outside.peer.ask('udp', { host: ip, port }),
  ]);
const ANSWERED = () => [outside.outside4, outside.outside6, `${outside.outside4} hello`];
const SHUT = ['timeout', 'timeout', 'timeout'];

/** A server whose port 80 is published, and that has one on 81 that is not. */
async function twoPorts(name: string, net: string, ports: Record<string, string> = PUBLISHED): Promise<Box> {
  const made = await server(name, net, ports);
  await made.peer.ask('listen', { port: 81 });
  await made.peer.ask('listenUdp', { port: 81 });
  return made;
}

const ping = (from: Box, address: string) =>
  daemon.docker(['exec', from.id, 'ping', '-c1', '-W2', address]).status;

describe('a daemon as it is', () => {
  withNetworks();

  test('opens nothing of a translated network', async () => {
    const one = await twoPorts('plainly', await reachable(21, {}));
    expect(await fromOutside(one)).toEqual(SHUT);
    expect(await seen(outside.peer, outside.host4, 28180)).toBe(outside.outside4);
    await daemon.call('DELETE', `/containers/${one.id}?force=1`);
  });

  test('opens published ports of a routed network, from other networks too, and no others', async () => {
    const net = await reachable(22, { [`${MODE}4`]: 'routed', [`${MODE}6`]: 'routed' });
    const one = await twoPorts('routed', net);
    const other = await server('of-another', 'dual');
    expect(await fromOutside(one)).toEqual(ANSWERED());
    expect(await fromOutside(one, 81)).toEqual(SHUT);
    // A routed port is none of the host's.
    expect(await seen(outside.peer, outside.host4, 28180)).not.toBe(outside.outside4);
    expect(await seen(other.peer, one.ip, 80)).toMatch(/^[0-9.]+$/);
    expect(await seen(other.peer, one.ip, 81)).toBe('timeout');
    expect(await seen(host, one.ip, 81)).toMatch(/^10\.198\.22\./);
    expect([ping(other, one.ip), ping(other, one.ip6)]).toEqual([0, 0]);
    expect(await seen(one.peer, other.ip, 80)).toBe('timeout');
    // A port that is closed again, and one of a network that is joined later.
    expect((await daemon.call('POST', `/containers/${one.id}/stop?t=0`)).status).toBe(204);
    const way = async () => (await daemon.call('GET', `/berth/explain/networks/${net}`)).text;
    expect(await way()).toContain('@anyone4');
    const late = await twoPorts('late', 'plain', { '80/tcp': '28181', '80/udp': '28181' });
    const joined = await daemon.call('POST', `/networks/${net}/connect`, { Container: late.id });
    expect(joined.status).toBe(200);
    const { IPAddress, GlobalIPv6Address } = (await daemon.call('GET', `/containers/${late.id}/json`)).json
      .NetworkSettings.Networks[net];
    expect(await seen(outside.peer, IPAddress, 80)).toBe(outside.outside4);
    expect(await seen(outside.peer, GlobalIPv6Address, 81)).toBe('timeout');
    await daemon.call('DELETE', `/containers/${late.id}?force=1`);
  });

  test('opens all of an unprotected network', async () => {
    const net = await reachable(23, { [`${MODE}4`]: 'nat-unprotected', [`${MODE}6`]: 'nat-unprotected' });
    const one = await twoPorts('unprotected', net);
    expect(await fromOutside(one)).toEqual(ANSWERED());
    expect(await fromOutside(one, 81)).toEqual(ANSWERED());
    await daemon.call('DELETE', `/containers/${one.id}?force=1`);
  });

  test('opens published ports to the interfaces that a network trusts', async () => {
    const [trusting, wary] = [
      await reachable(24, { [TRUSTED]: `tun0:${outside.hostLink}` }),
      await reachable(25, { [TRUSTED]: 'tun0' }),
    ];
    const one = await twoPorts('trusting', trusting);
    const two = await twoPorts('wary', wary, { '80/tcp': '28182', '80/udp': '28182' });
    expect(await fromOutside(one)).toEqual(ANSWERED());
    expect(await fromOutside(one, 81)).toEqual(SHUT);
    expect(await fromOutside(two)).toEqual(SHUT);
    expect(await seen(two.peer, one.ip, 80)).toBe('timeout');
    await daemon.down('SIGKILL');
    await daemon.up();
    expect(await fromOutside(one)).toEqual(ANSWERED());
    for (const { id } of [one, two]) await daemon.call('DELETE', `/containers/${id}?force=1`);
  });
});

describe('a daemon with --allow-direct-routing', () => {
  withNetworks(['--allow-direct-routing']);

  test('opens published ports to all outside of its networks', async () => {
    const one = await twoPorts('open', await reachable(26, {}));
    const other = await server('beside', 'dual');
    expect(await fromOutside(one)).toEqual(ANSWERED());
    expect(await fromOutside(one, 81)).toEqual(SHUT);
    expect(await seen(other.peer, one.ip, 80)).toBe('timeout');
    expect(await seen(outside.peer, outside.host4, 28180)).toBe(outside.outside4);
  });
});
