import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CriDaemon, type Message } from '../../support/cri.ts';
import { until } from '../../support/daemon.ts';

/* Pods on the networks of CNI plugins: the distribution's, and one that writes down what it is asked. */

const BRIDGES = { first: `cnia${process.pid}`, second: `cnib${process.pid}` };
const folder = mkdtempSync(join(tmpdir(), 'berth-cni-'));
const place = (...names: string[]) => join(folder, ...names);
const calls = place('calls');

/** Answers with the result of the plugin before it; fails where a file tells it to. */
const RECORDER = `#!/bin/sh
config=$(cat)
printf '{"command":"%s","args":"%s","netns":"%s","config":%s}\\n' \\
  "$CNI_COMMAND" "$CNI_ARGS" "$CNI_NETNS" "$config" >> ${calls}
if [ -e ${folder}/fails-$CNI_COMMAND ]; then
  echo '{"cniVersion":"1.1.0","code":999,"msg":"no more","details":"of this"}'
  exit 1
fi
[ "$CNI_COMMAND" = ADD ] && printf '%s' "$config" | sed 's/.*"prevResult"://; s/}$//'
exit 0
`;

const network = (name: keyof typeof BRIDGES, subnet: string) => ({
  cniVersion: '1.0.0',
  name,
  plugins: [
    {
      type: 'bridge',
      bridge: BRIDGES[name],
      isGateway: true,
      ipam: {
        type: 'host-local',
        dataDir: place('addresses'),
        ranges: [[{ subnet }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    },
    { type: 'recorder', capabilities: { portMappings: true, bandwidth: true, dns: true } },
  ],
});
const configure = (file: string, config: object) =>
  writeFileSync(place('conf', file), JSON.stringify(config));
const recorded = (): Message[] =>
  existsSync(calls)
    ? readFileSync(calls, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Message)
    : [];
const taken = (name: string) => readdirSync(place('addresses', name)).filter((file) => /^\d+\./.test(file));

let cri: CriDaemon;
beforeAll(async () => {
  for (const name of ['conf', 'bin']) mkdirSync(place(name));
  writeFileSync(place('bin/recorder'), RECORDER);
  chmodSync(place('bin/recorder'), 0o755);
  configure('10-first.conflist', network('first', '10.219.1.0/24'));
  const folders = ['--cni-conf-dir', place('conf'), '--cni-bin-dir', place('bin')];
  cri = await CriDaemon.start('--cri-network', 'cni', ...folders, '--cni-bin-dir', '/usr/lib/cni');
});
beforeEach(() => rmSync(calls, { force: true }));
afterAll(async () => {
  await cri?.dispose();
  for (const bridge of Object.values(BRIDGES)) spawnSync('ip', ['link', 'delete', bridge]);
  rmSync(folder, { recursive: true, force: true });
});

const addressOf = async (pod: { id: string }): Promise<string> =>
  (await cri.call('PodSandboxStatus', { pod_sandbox_id: pod.id }))['status'].network.ip;
const remove = (pod: { id: string }) => cri.call('RemovePodSandbox', { pod_sandbox_id: pod.id });

test('plugins are chained, get what they say they take, and are taken down in the other order', async () => {
  const pod = await cri.pod('chained', {
    port_mappings: [{ container_port: 80, host_port: 18080 }, { container_port: 81 }],
    annotations: { 'kubernetes.io/egress-bandwidth': '10M' },
    dns_config: { servers: ['10.0.0.53'], searches: ['cluster.local'] },
  });
  const address = await addressOf(pod);
  expect(address).toMatch(/^10\.219\.1\.\d+$/);
  expect(taken('first')).toEqual([address]);
  const id = await cri.container(pod, 'web', { command: ['httpd', '-f', '-h', '/etc'] });
  expect(await cri.exec(id, 'ip', 'addr', 'show', 'eth0')).toContain(`${address}/24`);
  expect(await cri.exec(id, 'ip', 'addr', 'show', 'lo')).toContain('127.0.0.1');
  expect(await cri.exec(id, 'cat', '/etc/resolv.conf')).toContain('nameserver 10.0.0.53');
  const other = await cri.pod('other');
  const client = await cri.container(other, 'client', { command: ['sleep', '1000'] });
  expect(await cri.exec(client, 'wget', '-q', '-O', '-', `http://${address}/passwd`)).toContain('root:');

  const [added] = recorded();
  expect(added).toMatchObject({
    command: 'ADD',
    args: expect.stringContaining('K8S_POD_NAMESPACE=default;K8S_POD_NAME=chained;'),
    config: {
      name: 'first',
      prevResult: { ips: [{ address: `${address}/24` }] },
      runtimeConfig: {
        portMappings: [{ hostPort: 18080, containerPort: 80, protocol: 'tcp' }],
        bandwidth: { egressRate: 10_000_000 },
        dns: { servers: ['10.0.0.53'], searches: ['cluster.local'] },
      },
    },
  });
  for (const one of [pod, other]) await remove(one);
  expect(recorded().map(({ command }) => command)).toEqual(['ADD', 'ADD', 'DEL', 'DEL']);
  expect(recorded()[2]).toMatchObject({ config: { prevResult: { ips: [{ address: `${address}/24` }] } } });
  expect(taken('first')).toEqual([]);
  expect(spawnSync('ip', ['link', 'show', 'master', BRIDGES.first], { encoding: 'utf8' }).stdout).toBe('');
});

test('a change of the configuration is for the next pod; what was made by the old one is taken down by it', async () => {
  const old = await cri.pod('old');
  configure('05-second.conflist', network('second', '10.219.2.0/24'));
  const next = await cri.pod('next');
  expect(await addressOf(next)).toMatch(/^10\.219\.2\./);
  rmSync(place('conf/05-second.conflist'));
  rmSync(place('conf/10-first.conflist'));
  const { conditions } = (await cri.call('Status'))['status'];
  expect(conditions[1]).toMatchObject({
    type: 'NetworkReady',
    status: false,
    reason: 'NetworkPluginNotReady',
  });
  await expect(cri.pod('none')).rejects.toThrow('no networks found');
  for (const pod of [old, next]) await remove(pod);
  expect([...taken('first'), ...taken('second')]).toEqual([]);
  configure('10-first.conflist', network('first', '10.219.1.0/24'));
  expect((await cri.call('Status'))['status'].conditions[1].status).toBe(true);
});

test('pods that are made at once have networks of their own, and reach each other', async () => {
  const pods = await Promise.all(['one', 'two', 'three', 'four'].map((name) => cri.pod(name)));
  const addresses = await Promise.all(pods.map(addressOf));
  expect(new Set(addresses).size).toBe(4);
  expect(taken('first').sort()).toEqual([...addresses].sort());
  const boxes = await Promise.all(
    pods.map((pod) => cri.container(pod, 'box', { command: ['sleep', '1000'] })),
  );
  const spaces = await Promise.all(boxes.map((id) => cri.exec(id, 'readlink', '/proc/self/ns/net')));
  expect(new Set(spaces).size).toBe(4);
  for (const [index, id] of boxes.entries()) {
    expect(await cri.exec(id, 'ip', 'addr', 'show', 'eth0')).toContain(`${addresses[index]}/24`);
    expect((await cri.exec(id, 'ip', '-o', 'link')).split('\n')).toHaveLength(2);
  }
  await cri.exec(boxes[0]!, 'ping', '-c', '1', '-W', '5', addresses[3]!);
  await Promise.all(pods.map(remove));
  expect(taken('first')).toEqual([]);
});

test('where a plugin fails, its words are told and nothing is left', async () => {
  writeFileSync(place('fails-ADD'), '');
  try {
    await expect(cri.pod('failing')).rejects.toThrow('no more; of this');
  } finally {
    rmSync(place('fails-ADD'));
  }
  expect(new Set(recorded().map(({ command }) => command))).toEqual(new Set(['ADD', 'DEL']));
  expect(taken('first')).toEqual([]);
  expect((await cri.call('ListPodSandbox'))['items']).toEqual([]);
  const pod = await cri.pod('failing');
  await remove(pod);
});

test('pods outlast a killed daemon, whose successor has their networks checked', async () => {
  const pod = await cri.pod('lasting');
  const id = await cri.container(pod, 'box', { command: ['sleep', '1000'] });
  await cri.daemon.down('SIGKILL');
  await cri.daemon.up();
  const checked = () => recorded().find(({ command }) => command === 'CHECK');
  await until('the check', checked);
  expect(checked()).toMatchObject({ config: { name: 'first', prevResult: { ips: [{}] } } });
  expect(await cri.exec(id, 'ip', 'addr', 'show', 'eth0')).toContain(await addressOf(pod));
  expect(cri.daemon.log).not.toContain('the network of a pod is not what its plugins made');

  writeFileSync(place('fails-CHECK'), '');
  await cri.daemon.down('SIGKILL');
  await cri.daemon.up();
  await until('the warning', () =>
    cri.daemon.log.includes('the network of a pod is not what its plugins made'),
  );
  rmSync(place('fails-CHECK'));
  await remove(pod);
  expect(taken('first')).toEqual([]);
});
