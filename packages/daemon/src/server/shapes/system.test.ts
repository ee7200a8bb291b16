import type { ContainerSummary } from '../../containers/api.ts';
import type { DaemonInfo, DiskUsage } from '../../system/index.ts';
import { diskUsageFor, infoFor } from './system.ts';

test('/info has what its version had', () => {
  const info = {
    DriverStatus: [['Layers', '3']],
    ContainerdCommit: { ID: 'a' },
    RuncCommit: { ID: '' },
    InitCommit: { ID: '' },
    RegistryConfig: { InsecureRegistryCIDRs: ['::1/128', '127.0.0.0/8'], Mirrors: null },
    BridgeNfIptables: true,
    BridgeNfIp6tables: true,
    KernelMemoryTCP: true,
    FirewallBackend: { Driver: 'nftables' },
  } as unknown as DaemonInfo;
  const DriverStatus = [...info.DriverStatus, ['driver-type', 'io.containerd.snapshotter.v1']];
  expect(infoFor(47, info).DriverStatus).toEqual(info.DriverStatus);
  expect(infoFor(48, info)).toEqual({
    DriverStatus,
    ContainerdCommit: { ID: 'a', Expected: 'a' },
    RuncCommit: { ID: '', Expected: '' },
    InitCommit: { ID: '', Expected: '' },
    RegistryConfig: {
      AllowNondistributableArtifactsCIDRs: null,
      AllowNondistributableArtifactsHostnames: null,
      InsecureRegistryCIDRs: ['::1/128', '127.0.0.0/8'],
      Mirrors: null,
    },
    BridgeNfIptables: true,
    BridgeNfIp6tables: true,
    KernelMemoryTCP: true,
  });
  const secured = { ...info, SecurityOptions: ['name=seccomp,profile=builtin', 'name=userns'] };
  expect(infoFor(24, secured)).toMatchObject({
    ExecutionDriver: '<not supported>',
    KernelMemory: true,
    RegistryConfig: { InsecureRegistryCIDRs: ['127.0.0.0/8'] },
    SecurityOptions: ['seccomp', 'userns'],
  });
  expect(infoFor(25, secured).SecurityOptions).toEqual(secured.SecurityOptions);
  expect(infoFor(49, info)).toEqual({ ...info, DriverStatus });
  const { BridgeNfIptables: _, BridgeNfIp6tables: __, ...without } = info;
  expect(infoFor(50, info)).toEqual({ ...without, DriverStatus });
  const { KernelMemoryTCP: ___, ...newest } = without;
  expect(infoFor(52, info)).toEqual({
    ...newest,
    DriverStatus,
    Driver: 'overlayfs',
    RegistryConfig: { ...newest.RegistryConfig, Mirrors: [] },
  });
});

test('/system/df has sums by kind with the objects from 1.52 on, and the older members unless asked', () => {
  const container = { Id: 'c', HostConfig: { NetworkMode: 'n' }, NetworkSettings: { Networks: {} } };
  const usage = {
    LayersSize: 5,
    Images: null,
    Containers: [container as ContainerSummary],
    Volumes: [],
    BuildCache: null,
    sums: { ContainerUsage: { ActiveCount: 1, TotalCount: 1 }, VolumeUsage: {} },
  };
  const { sums, ...older } = usage;
  expect(diskUsageFor(41, usage, false)).toEqual(older);
  const BuildCache = [{ Size: 7 } as NonNullable<DiskUsage['BuildCache']>[number]];
  expect(diskUsageFor(41, { ...usage, BuildCache }, false)).toEqual({ ...older, BuildCache, BuilderSize: 7 });
  expect(diskUsageFor(51, usage, true)).toEqual(older);
  const newest = {
    ContainerUsage: { ActiveCount: 1, TotalCount: 1, Items: [container] },
    VolumeUsage: {},
  };
  const { Images: _, BuildCache: __, ...asked } = older;
  expect(sums).toBeDefined();
  expect(diskUsageFor(52, usage, false)).toEqual({ ...asked, ...newest });
  expect(diskUsageFor(52, usage, true)).toEqual(newest);
});
