import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cdiDevices, cdiEdits } from '../../runtime/devices/cdi.ts';
import { requestedDevices } from './devices.ts';

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
  - name: "0"
    containerEdits:
      deviceNodes: [{ path: /dev/gpu0, hostPath: /dev/null, permissions: rw }]
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
      devices: [{ name: 'x', containerEdits: { hooks: [{ hookName: 'createContainer', path: '/h' }] } }],
    }),
  );
  writeFileSync(join(folder, 'broken.yml'), 'kind: [');
});
afterEach(() => rmSync(folder, { recursive: true }));

test('devices and what they change', async () => {
  expect(await cdiDevices([folder, '/nowhere'])).toEqual([
    ...['nvidia.com/gpu=0', 'nvidia.com/gpu=all', 'vendor.com/net=x'],
  ]);
  expect(await cdiEdits([folder], ['nvidia.com/gpu=0', 'nvidia.com/gpu=all'])).toEqual({
    env: ['COMMON=1'],
    devices: [{ PathOnHost: '/dev/null', PathInContainer: '/dev/gpu0', CgroupPermissions: 'rw' }],
    mounts: [{ source: '/usr/lib', destination: '/gpu', readonly: true, options: ['rbind'] }],
    groups: ['44'],
  });
  await expect(cdiEdits([folder], ['a.b/c=d'])).rejects.toThrow(
    'CDI device injection failed: unresolvable CDI devices a.b/c=d',
  );
  await expect(cdiEdits([folder], ['vendor.com/net=x'])).rejects.toThrow(
    'the hook createContainer /h is not supported',
  );
});

test('GPUs are devices of one kind', async () => {
  const asked: string[][] = [];
  const cdi = {
    devices: () => cdiDevices([folder]),
    edits: async (names: readonly string[]) => {
      asked.push([...names]);
      return { env: [], devices: [], mounts: [], groups: [] };
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
