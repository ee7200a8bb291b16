import type { ContainerInspect, ContainerSummary } from '../../containers/api.ts';
import { inspectFor, summaryFor } from './containers.ts';

const endpoint = { Aliases: ['a'], IPAddress: '10.0.0.2', GwPriority: 1 };
const inspected = {
  Id: '0123456789abcdef',
  State: { Running: true },
  ImageManifestDescriptor: { digest: 'sha256:1' },
  HostConfig: { MaskedPaths: ['/proc/kcore'], PortBindings: null },
  GraphDriver: { Name: 'overlay2', Data: null },
  Mounts: [],
  Config: { Hostname: 'host', OnBuild: null, MacAddress: '02:42:00:00:00:01' },
  NetworkSettings: { Bridge: '', IPAddress: '10.0.0.2', SandboxID: 's', Networks: { own: endpoint } },
} as unknown as ContainerInspect;

test('an inspected container has what its version had', () => {
  const oldest = inspectFor(44, inspected);
  expect(oldest).not.toHaveProperty('ImageManifestDescriptor');
  expect(oldest).toMatchObject({
    Config: { OnBuild: null },
    NetworkSettings: { IPAddress: '10.0.0.2', Networks: { own: { Aliases: ['a', '0123456789ab', 'host'] } } },
  });
  expect(inspectFor(45, inspected)).toMatchObject({
    NetworkSettings: { Networks: { own: { Aliases: ['a'] } } },
  });
  expect(inspectFor(48, inspected)).toEqual(inspected);
  const { GraphDriver, ...rest } = inspected;
  expect(GraphDriver).toBeDefined();
  expect(inspectFor(52, inspected)).toEqual({
    ...rest,
    Driver: 'overlayfs',
    HostConfig: { ...rest.HostConfig, PortBindings: {} },
    Storage: { RootFS: { Snapshot: { Name: 'overlayfs' } } },
    Config: { Hostname: 'host' },
    NetworkSettings: { SandboxID: 's', Networks: { own: endpoint } },
  });
});

test("the last sandbox of a container that ended is older versions'", () => {
  const ended = { ...inspected, State: { Running: false } } as ContainerInspect;
  expect(inspectFor(47, ended).NetworkSettings.SandboxID).toBe('s');
  expect(inspectFor(48, ended).NetworkSettings.SandboxID).toBe('');
  expect(inspectFor(52, ended).NetworkSettings.SandboxID).toBe('');
});

test('what an endpoint was asked to have is told with both families from 1.52 on', () => {
  const asked = { ...endpoint, IPAMConfig: { IPv4Address: '10.0.0.2' } };
  const summary = { NetworkSettings: { Networks: { own: asked } } } as unknown as ContainerSummary;
  const both = { ...asked, IPAMConfig: { IPv4Address: '10.0.0.2', IPv6Address: '' } };
  expect(summaryFor(52, summary).NetworkSettings.Networks).toEqual({ own: both });
  expect(summaryFor(51, summary).NetworkSettings.Networks).toEqual({ own: asked });
});

test('an entry of the list has what its version had', () => {
  const summary = {
    Health: { Status: 'healthy', FailingStreak: 0 },
    ImageManifestDescriptor: { digest: 'sha256:1' },
    HostConfig: { NetworkMode: 'own', Annotations: { a: 'b' } },
    NetworkSettings: { Networks: { own: endpoint } },
  } as unknown as ContainerSummary;
  expect(summaryFor(52, summary)).toEqual(summary);
  const { Health, ...newer } = summary;
  expect(Health).toBeDefined();
  expect(summaryFor(51, summary)).toEqual(newer);
  const { GwPriority: _, ...older } = endpoint;
  expect(summaryFor(46, summary)).toEqual({
    HostConfig: summary.HostConfig,
    NetworkSettings: { Networks: { own: older } },
  });
  expect(summaryFor(45, summary)).toMatchObject({ HostConfig: { NetworkMode: 'own' } });
  expect(summaryFor(45, summary)['HostConfig']).not.toHaveProperty('Annotations');
});
