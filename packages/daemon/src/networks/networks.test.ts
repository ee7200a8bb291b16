import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  addressesOf,
  inside,
  networks,
  options,
  reopen,
  request,
  resident,
  run,
  SUBNET,
  settings,
  withNetworks,
} from './testing-room.ts';

/* The room on the real kernel: namespaces, bridges and the firewall of a daemon of its own. Needs root. */

withNetworks();

test('the default bridge follows its settings from start to start', async () => {
  const { bip, ipv6, fixedCidrV6 } = settings;
  const stages = [
    { ipv6: true, fixedCidrV6: 'fd78:9:1::/64', gateway6: 'fd78:9:1::1', prefix6: 64 },
    { bip: '10.199.42.9/24', fixedCidrV6: 'fd78:9:2::/64', gateway6: 'fd78:9:2::1', prefix6: 64 },
    { fixedCidrV6: 'fd78:9:2::/80', gateway6: 'fd78:9:2::1', prefix6: 80 },
  ];
  const bridge = options('bridge')['com.docker.network.bridge.name']!;
  for (const { gateway6, prefix6, ...change } of stages) {
    await reopen(change);
    expect(addressesOf(bridge)).toEqual([`inet ${settings.bip}`, `inet6 ${gateway6}/${prefix6}`]);
    const box = request();
    const { state, path } = await networks.attach(box);
    const { IPAddress, GlobalIPv6Address, IPv6Gateway } = state.endpoints['bridge']!;
    expect(IPAddress.split('.').slice(0, 3)).toEqual(settings.bip.split('.').slice(0, 3));
    expect(GlobalIPv6Address).toBe(gateway6.replace(/1$/, '2'));
    expect(IPv6Gateway).toBe(gateway6);
    expect(inside(path, 'ip', '-6', 'route')).toContain(`default via ${gateway6} dev eth0`);
    await networks.forget(box.id);
  }
  await reopen({ bip, ipv6, fixedCidrV6 });
  expect(addressesOf(bridge)).toEqual([`inet ${settings.bip}`]);
});

test("somebody else's bridge gives the default network its subnet, and keeps what it has", async () => {
  const { bip } = settings;
  const link = `bt${process.pid.toString(36)}o`;
  run('ip', 'link', 'add', link, 'type', 'bridge');
  try {
    run('ip', 'address', 'add', '10.199.43.1/24', 'dev', link);
    await reopen({ bip: '', bridge: link });
    expect(networks.inspect('bridge')['IPAM']).toMatchObject({
      Config: [{ Subnet: '10.199.43.0/24', Gateway: '10.199.43.1' }],
    });
    await reopen({ bip, bridge: '' });
    expect(options('bridge')['com.docker.network.bridge.name']).not.toBe(link);
    expect(addressesOf(link)).toEqual(['inet 10.199.43.1/24']);
  } finally {
    run('ip', 'link', 'delete', link);
  }
});

test('a start on the default bridge has an address, a route and its files; a stop gives all back', async () => {
  const box = request({ extraHosts: ['up:192.0.2.1', 'me:host-gateway'] });
  expect(networks.prepare(box).endpoints['bridge']).toMatchObject({ NetworkID: '', IPAddress: '' });
  const { state, path, launch } = await networks.attach(box);
  expect(launch).toEqual([]);
  const { IPAddress, MacAddress, Gateway, IPPrefixLen } = state.endpoints['bridge']!;
  expect({ Gateway, IPPrefixLen }).toEqual({ Gateway: `${SUBNET}.1`, IPPrefixLen: 24 });
  const shown = inside(path, 'ip', 'addr', 'show', 'eth0');
  expect(shown).toContain(`inet ${IPAddress}/24`);
  expect(shown).toContain(MacAddress);
  expect(inside(path, 'ip', 'route')).toContain(`default via ${SUBNET}.1 dev eth0`);
  const hosts = readFileSync(join(box.folder, 'hosts'), 'utf8');
  expect(hosts).toContain(`192.0.2.1\tup\n${SUBNET}.1\tme\n${IPAddress}\t${box.hostname}\n`);
  expect(Object.keys(networks.inspect('bridge').Containers)).toEqual([box.id]);
  const stopped = await networks.detach(box.id);
  expect(stopped.endpoints['bridge']).toMatchObject({ IPAddress: '', EndpointID: '' });
  expect(networks.inspect('bridge').Containers).toEqual({});
  const again = await networks.attach(box);
  expect(again.state.endpoints['bridge']!.IPAddress).toBe(IPAddress);
  await networks.forget(box.id);
});

test('an endpoint shows the address it asked for before the start, and has its link-local addresses after', async () => {
  const box = request({
    endpoints: { bridge: { MacAddress: '02:42:ac:11:00:99', IPAMConfig: { LinkLocalIPs: ['169.254.8.8'] } } },
  });
  expect(networks.prepare(box).endpoints['bridge']).toMatchObject({ MacAddress: '02:42:ac:11:00:99' });
  const { path } = await networks.attach(box);
  expect(inside(path, 'ip', 'addr', 'show', 'eth0')).toContain('inet 169.254.8.8/16');
  await networks.forget(box.id);
});

test('many starts at once each get their own address and a namespace of their own', async () => {
  const boxes = Array.from({ length: 12 }, () => request());
  const made = await Promise.all(boxes.map((box) => networks.attach(box)));
  expect(new Set(made.map(({ state }) => state.endpoints['bridge']!.IPAddress)).size).toBe(12);
  expect(new Set(made.map(({ path }) => run('readlink', path))).size).toBe(12);
  await Promise.all(boxes.map(({ id }) => networks.forget(id)));
});

test('a port is published once; the second container leaves nothing behind', async () => {
  const binding = { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '28741' }] };
  const [first, second] = [request({ portBindings: binding }), request({ portBindings: binding })];
  const { state, launch } = await networks.attach(first);
  expect(state.ports).toEqual({ '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '28741' }] });
  expect(launch).toHaveLength(1);
  const { IPAddress } = state.endpoints['bridge']!;
  expect(launch[0]!.slice(0, 6)).toEqual(['port', 'tcp', '127.0.0.1', '28741', IPAddress, '80']);
  await expect(networks.attach(second)).rejects.toThrow(
    /^driver failed programming external connectivity on endpoint box\d+ \([0-9a-f]{64}\): Bind for 127\.0\.0\.1:28741 failed: port is already allocated$/,
  );
  expect(Object.keys(networks.inspect('bridge').Containers)).toEqual([first.id]);
  await networks.detach(first.id);
  await networks.attach(second);
  await Promise.all([networks.forget(first.id), networks.forget(second.id)]);
});

test('a running container is connected and disconnected', async () => {
  await networks.create({ Name: 'side', IPAM: { Config: [{ Subnet: '10.199.42.0/24' }] } });
  const box = request();
  const { path } = await networks.attach(box);
  const pid = await resident(path);
  const state = await networks.connect('side', box, { IPAMConfig: { IPv4Address: '10.199.42.9' } }, pid);
  expect(state.endpoints['side']).toMatchObject({
    IPAddress: '10.199.42.9',
    DNSNames: [box.name, box.id.slice(0, 12), box.hostname],
  });
  expect(networks.takeControls(box.id)).toEqual([
    ['dns', `/proc/${pid}/ns/net`, expect.stringContaining(box.id)],
  ]);
  expect(networks.takeControls(box.id)).toEqual([]);
  expect(inside(path, 'ip', 'addr', 'show', 'eth1')).toContain('inet 10.199.42.9/24');
  expect(readFileSync(join(box.folder, 'hosts'), 'utf8')).toContain(`10.199.42.9\t${box.hostname}\n`);
  await expect(networks.connect('side', box, {}, pid)).rejects.toThrow(
    `endpoint with name ${box.name} already exists in network side`,
  );
  await expect(networks.remove('side')).rejects.toThrow('has active endpoints');
  await networks.disconnect('bridge', box.id, { force: false, pid });
  expect(inside(path, 'ip', 'route')).toContain('default via 10.199.42.1 dev eth1');
  await networks.disconnect('side', box.id, { force: false, pid });
  expect(inside(path, 'ip', 'route')).toBe('');
  await networks.forget(box.id);
  await networks.remove('side');
});

test('subnets are shown IPv4 first', async () => {
  const IPAM = { Config: [{ Subnet: 'fd00:199::/64' }, { Subnet: '10.199.43.0/24' }] };
  const { id } = await networks.create({ Name: 'both', Driver: 'bridge', EnableIPv6: true, IPAM });
  const { IPAM: shown } = networks.inspect(id) as unknown as { IPAM: { Config: Array<{ Subnet: string }> } };
  expect(shown.Config.map(({ Subnet }) => Subnet)).toEqual(['10.199.43.0/24', 'fd00:199::/64']);
  await networks.remove(id);
});

test('an internal network with IPv6 is one without default routes', async () => {
  const IPAM = { Config: [{ Subnet: '10.199.43.0/24' }, { Subnet: 'fd00:199::/64' }] };
  const made = { Name: 'inner', Driver: 'bridge', EnableIPv6: true, Internal: true, IPAM };
  const { id } = await networks.create(made);
  const box = request({ mode: 'inner' });
  const { path, state } = await networks.attach(box);
  expect(state.endpoints['inner']).toMatchObject({ IPv6Gateway: '', GlobalIPv6PrefixLen: 64 });
  expect(inside(path, 'ip', '-6', 'route')).not.toContain('default');
  await networks.forget(box.id);
  await networks.remove(id);
});

test('the id of a network, or how it begins, may be the name of another one, and stands for the first', async () => {
  const { id: first } = await networks.create({ Name: 'plain', Driver: 'bridge' });
  const { id: second } = await networks.create({ Name: first.slice(0, 12), Driver: 'bridge' });
  const { id: third } = await networks.create({ Name: first, Driver: 'bridge' });
  await networks.remove(first);
  expect(networks.inspect(first.slice(0, 12))).toMatchObject({ Id: second });
  expect(networks.inspect(first)).toMatchObject({ Id: third });
  for (const id of [second, third]) await networks.remove(id);
});

test('a container without an interface needs no namespace of ours', async () => {
  const [host, none] = [request({ mode: 'host' }), request({ mode: 'none' })];
  expect(await networks.attach(host)).toMatchObject({ path: '', launch: [] });
  expect(await networks.attach(none)).toMatchObject({ path: '', launch: [] });
  await expect(networks.connect('bridge', none, {}, 1)).rejects.toThrow('private (none) mode');
  await expect(networks.connect('bridge', host, {}, 1)).rejects.toThrow(
    'cannot be connected to any other network',
  );
  expect(existsSync(join(none.folder, 'hosts'))).toBe(true);
  for (const { id } of [host, none]) await networks.forget(id);
});
