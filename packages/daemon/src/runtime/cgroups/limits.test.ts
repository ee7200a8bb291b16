import { ociResources } from '../resources.ts';
import { limitsV1, limitsV2 } from './limits.ts';

const words = (writes: ReturnType<typeof limitsV1>) => writes.map(({ file, value }) => `${file}=${value}`);

test('limits of the Docker API as files of both versions', () => {
  const resources = ociResources({
    Memory: 1000,
    NanoCpus: 1.5e9,
    CpuShares: 1024,
    CpusetCpus: '0-1',
    PidsLimit: 10,
    BlkioWeight: 500,
    BlkioDeviceWriteIOps: [{ Path: '/dev/null', Rate: 7 }],
  });
  expect(words(limitsV1(resources))).toEqual([
    'memory.limit_in_bytes=1000',
    'memory.memsw.limit_in_bytes=2000',
    'cpu.shares=1024',
    'cpu.cfs_period_us=100000',
    'cpu.cfs_quota_us=150000',
    'cpuset.cpus=0-1',
    'pids.max=10',
    'blkio.weight=500',
    'blkio.throttle.write_iops_device=1:3 7',
  ]);
  expect(words(limitsV2(resources))).toEqual([
    'memory.max=1000',
    'memory.swap.max=1000',
    'cpu.weight=39',
    'cpu.max=150000 100000',
    'cpuset.cpus=0-1',
    'pids.max=10',
    'io.weight=default 4950',
    'io.max=1:3 wiops=7',
  ]);
});

test('no limit, and what says nothing', () => {
  expect(ociResources({ Memory: 0, CpuQuota: 0, MemorySwappiness: null, BlkioWeightDevice: [] })).toEqual({});
  const unlimited = ociResources({ Memory: 1000, MemorySwap: -1, PidsLimit: -1, CpuQuota: -1 });
  expect(words(limitsV2(unlimited))).toEqual([
    'memory.max=1000',
    'memory.swap.max=max',
    'cpu.max=max 100000',
    'pids.max=max',
  ]);
  expect(words(limitsV1(unlimited))).toContain('memory.memsw.limit_in_bytes=-1');
});

test('an update of the memory alone leaves the swap', () => {
  expect(words(limitsV1(ociResources({ Memory: 1000 }, true)))).toEqual(['memory.limit_in_bytes=1000']);
});

test('refusals in the words of the runtime', () => {
  expect(() => limitsV1(ociResources({ CpuShares: 1 }))).toThrow(
    'the minimum allowed cpu-shares is 2: unknown',
  );
  expect(() => limitsV2(ociResources({ Memory: 1000, MemorySwap: 10 }))).toThrow('Minimum memoryswap limit');
  expect(() => ociResources({ BlkioDeviceReadBps: [{ Path: '/nosuch', Rate: 1 }] })).toThrow(
    'stat /nosuch: no such file or directory',
  );
});
