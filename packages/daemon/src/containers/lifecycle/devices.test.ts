import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RuntimeHandler, RuntimeHandlers } from '../../runtime/api.ts';
import { cdiDevices, cdiEdits } from '../../runtime/devices/cdi.ts';
import { deviceRuntime, requestedDevices } from './devices.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-cdi-'));
  writeFileSync(
    join(folder, 'gpu.yaml'),
    `cdiVersion: "0.6.0"
kind: nvidia.com/gpu
containerEdits:
  env: [COMMON=1]
devices:
  - name: 0
    containerEdits:
      deviceNodes: [{ path: /dev/gpu0, hostPath: /dev/null, permissions: rw, fileMode: 0640, gid: 7 }, { path: /dev/pipe, type: p }]
      mounts: [{ hostPath: /usr/lib, containerPath: /gpu, options: [ro, nosuid, rbind] }]
      additionalGids: [44, 0]
  - name: all
`,
  );
  writeFileSync(
    join(folder, 'hooked.json'),
    JSON.stringify({
      cdiVersion: '1.0.0',
      kind: 'vendor.com/net',
      devices: [
        {
          name: 'x',
          containerEdits: {
            hooks: [{ hookName: 'createContainer', path: '/h', args: ['h', 'x'] }],
            intelRdt: { closID: 'c' },
            netDevices: [{ hostInterfaceName: 'eth7', name: 'eth0' }],
          },
        },
      ],
    }),
  );
  writeFileSync(join(folder, 'broken.yml'), 'kind: [');
});
afterEach(() => rmSync(folder, { recursive: true }));

test('devices and what they change', async () => {
  expect(await cdiDevices([folder, '/nowhere'])).toEqual([
    ...['nvidia.com/gpu=0', 'nvidia.com/gpu=all', 'vendor.com/net=x'],
  ]);
  const none = { hooks: {}, netDevices: {} };
  expect(await cdiEdits([folder], ['nvidia.com/gpu=0', 'nvidia.com/gpu=all'])).toEqual({
    ...none,
    env: ['COMMON=1'],
    devices: [
      ...[{ path: '/dev/gpu0', type: 'c', major: 1, minor: 3, access: 'rw', fileMode: 0o640, gid: 7 }],
      ...[{ path: '/dev/pipe', type: 'p', major: 0, minor: 0, access: 'rwm' }],
    ],
    mounts: [
      ...[
        {
          type: 'bind',
          source: '/usr/lib',
          destination: '/gpu',
          readonly: true,
          options: ['nosuid', 'rbind'],
        },
      ],
    ],
    groups: ['44'],
  });
  await expect(cdiEdits([folder], ['a.b/c=d'])).rejects.toThrow(
    'CDI device injection failed: unresolvable CDI devices a.b/c=d',
  );
  expect(await cdiEdits([folder], ['vendor.com/net=x'])).toMatchObject({
    hooks: { createContainer: [{ path: '/h', args: ['h', 'x'] }] },
    intelRdt: { closID: 'c' },
    netDevices: { eth7: { name: 'eth0' } },
    beyond: {
      field: 'netDevices',
      at: `${folder}/hooked.json: containerEdits of vendor.com/net=x.netDevices`,
    },
  });
});

test.each([
  ['devices[0].containerEdits.deviceNodes[0].mode', { deviceNodes: [{ path: '/dev/x', mode: 1 }] }],
  ['devices[0].containerEdits.hooks[0].hookName', { hooks: [{ hookName: 'later', path: '/h' }] }],
  ['devices[0].containerEdits.mounts[0].containerPath', { mounts: [{ hostPath: '/', containerPath: 'x' }] }],
  ['devices[0].containerEdits.additionalGids[0]', { additionalGids: [-1] }],
  ['devices[0].containerEdits.env[0]', { env: ['X'] }],
])('a file with a fault at %s is not used, and its devices say why', async (at, containerEdits) => {
  const path = join(folder, 'faulty.json');
  writeFileSync(
    path,
    JSON.stringify({ cdiVersion: '0.7.0', kind: 'a.b/c', devices: [{ name: 'x', containerEdits }] }),
  );
  await expect(cdiEdits([folder], ['a.b/c=x'])).rejects.toThrow(`${path} is not used: the file.${at} is not`);
});

test('a device that is not there, or is another kind of node, is refused with its field', async () => {
  const write = (node: object) =>
    writeFileSync(
      join(folder, 'nodes.json'),
      JSON.stringify({
        ...{ cdiVersion: '0.7.0', kind: 'a.b/c' },
        devices: [{ name: 'x', containerEdits: { deviceNodes: [node] } }],
      }),
    );
  write({ path: '/dev/nosuch' });
  await expect(cdiEdits([folder], ['a.b/c=x'])).rejects.toThrow('deviceNodes[0]: /dev/nosuch is not there');
  write({ path: '/dev/null', type: 'b' });
  await expect(cdiEdits([folder], ['a.b/c=x'])).rejects.toThrow('type: /dev/null is of type c, not b');
});

test('what only another runtime can do brings that in, or is refused with the field', async () => {
  const edits = await cdiEdits([folder], ['vendor.com/net=x']);
  const asked: string[] = [];
  const handlers = (found: RuntimeHandler | undefined) =>
    ({
      resolve: () => ({ name: 'runc' }),
      resolveBeyond: async (name: string, field: string) => {
        asked.push(name, field);
        return found;
      },
    }) as unknown as RuntimeHandlers;
  const other = { name: 'crun', program: { path: '/crun', args: [] } };
  expect(await deviceRuntime({ handlers: handlers(other) }, 'own', edits)).toBe(other);
  expect(asked).toEqual(['own', 'netDevices']);
  await expect(deviceRuntime({ handlers: handlers(undefined) }, '', edits)).rejects.toThrow(
    `${folder}/hooked.json: containerEdits of vendor.com/net=x.netDevices needs an OCI runtime`,
  );
  expect(await deviceRuntime({ handlers: handlers(other) }, '', undefined)).toEqual({ name: 'runc' });
});

test('GPUs are devices of one kind', async () => {
  const asked: string[][] = [];
  const cdi = {
    devices: () => cdiDevices([folder]),
    edits: async (names: readonly string[]) => {
      asked.push([...names]);
      return { env: [], devices: [], mounts: [], groups: [], hooks: {}, netDevices: {} };
    },
  };
  const gpu = { Driver: '', Capabilities: [['gpu']] };
  await requestedDevices({ cdi }, [{ ...gpu, Count: -1 }]);
  await requestedDevices({ cdi }, [{ ...gpu, Count: 2 }]);
  await requestedDevices({ cdi }, [
    { ...gpu, DeviceIDs: ['0'] },
    { Driver: 'cdi', DeviceIDs: ['a.b/c=d'] },
  ]);
  expect(asked).toEqual([
    ['nvidia.com/gpu=all'],
    ['nvidia.com/gpu=0', 'nvidia.com/gpu=1'],
    ['nvidia.com/gpu=0', 'a.b/c=d'],
  ]);
  await expect(requestedDevices({ cdi }, [{ Driver: 'amd', Capabilities: [['gpu']] }])).rejects.toThrow(
    'could not select device driver "amd" with capabilities: [[gpu]]',
  );
});
