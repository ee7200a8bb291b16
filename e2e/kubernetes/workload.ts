import type { Cluster } from './cluster.ts';
import { isReady, memoryLimits, type PodStatus, stateOf } from './pods.ts';
import { eventually, expectSame, type Table } from './table.ts';

/** Objects that make pods, and pods of other kinds. */
export async function workloads(table: Table, cluster: Cluster, image: string, node: string): Promise<void> {
  const kubectl = (...args: string[]) => cluster.kubectl(...args);
  const container = (command: string, more: object = {}) => ({
    name: 'main',
    image,
    command: ['sh', '-c', command],
    ...more,
  });
  const spec = (one: object, more: object = {}) => ({
    terminationGracePeriodSeconds: 1,
    dnsPolicy: 'Default',
    containers: [one],
    ...more,
  });
  const pod = (name: string, one: object, more: object = {}) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: spec(one, more),
  });
  const statusOf = async (name: string) => (await cluster.get('pod', name)).status as PodStatus;

  await table.step('a deployment is scaled up, rolled over and deleted', async () => {
    const labels = { app: 'several' };
    await cluster.apply({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'several' },
      spec: {
        replicas: 2,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: spec(container('exec sleep 1000')) },
      },
    });
    await kubectl('rollout', 'status', 'deployment/several', '--timeout=60s');
    await kubectl('scale', 'deployment/several', '--replicas=6');
    await kubectl('rollout', 'status', 'deployment/several', '--timeout=60s');
    await kubectl('rollout', 'restart', 'deployment/several');
    await kubectl('rollout', 'status', 'deployment/several', '--timeout=80s');
    await kubectl('delete', 'deployment', 'several', '--cascade=foreground', '--timeout=80s');
  });
  await table.step('a job tries again until it succeeds', async () => {
    const volumes = [
      { name: 'tries', hostPath: { path: '/var/lib/berth-tries', type: 'DirectoryOrCreate' } },
    ];
    const one = container('test -e /tries/one || { touch /tries/one; exit 1; }', {
      volumeMounts: [{ name: 'tries', mountPath: '/tries' }],
    });
    await cluster.apply({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'once' },
      spec: { template: { spec: spec(one, { restartPolicy: 'OnFailure', volumes }) } },
    });
    await eventually(
      'the job',
      () => kubectl('wait', '--for=condition=complete', 'job/once', '--timeout=5s'),
      90_000,
    );
    await kubectl('delete', 'job', 'once', '--cascade=foreground', '--timeout=60s');
  });
  await table.step('a port of the node leads to a pod', async () => {
    await cluster.apply(
      pod(
        'published',
        container('exec httpd -f -p 80 -h /etc', { ports: [{ containerPort: 80, hostPort: 18080 }] }),
      ),
    );
    await eventually('an answer', async () => (await fetch(`http://${node}:18080/hostname`)).ok);
    await kubectl('delete', 'pod', 'published', '--timeout=60s');
  });
  await table.step('a pod with users of its own', async () => {
    await cluster.apply(
      pod('users', container('cat /proc/self/uid_map; exec sleep 1000'), { hostUsers: false }),
    );
    await eventually('its log', async () => /^ *0 +[1-9]\d+ +65536/m.test(await kubectl('logs', 'users')));
    await kubectl('delete', 'pod', 'users', '--timeout=60s');
  });
  await table.step('a pod on the network of the node', async () => {
    await cluster.apply(
      pod('node', container('exec httpd -f -p 18081 -h /etc'), {
        hostNetwork: true,
        hostPID: true,
        hostIPC: true,
      }),
    );
    await eventually('an answer', async () => (await fetch(`http://${node}:18081/hostname`)).ok);
    await kubectl('delete', 'pod', 'node', '--timeout=60s');
  });
  await table.step('a container that takes too much memory is killed for that', async () => {
    const greedy = container('exec tail /dev/zero', { resources: { limits: { memory: '24Mi' } } });
    await cluster.apply(pod('greedy', greedy, { restartPolicy: 'Never' }));
    await eventually('its end', async () => (await statusOf('greedy')).phase === 'Failed');
    const { state } = (
      (await cluster.get('pod', 'greedy')).status.containerStatuses as Array<{
        state: { terminated: { reason: string } };
      }>
    )[0]!;
    expectSame(state.terminated.reason, 'OOMKilled', 'the reason');
    await kubectl('delete', 'pod', 'greedy', '--timeout=60s');
  });
  await table.step('an image that is not there is told of', async () => {
    await cluster.apply(
      pod('missing', { ...container('true'), image: image.replace(/:[^:]*$/, ':missing') }),
    );
    await eventually('the reason', async () => {
      const [one] = (await cluster.get('pod', 'missing')).status.containerStatuses as Array<{
        state: { waiting?: { reason: string } };
      }>;
      return ['ErrImagePull', 'ImagePullBackOff'].includes(one?.state.waiting?.reason ?? '');
    });
    await kubectl('delete', 'pod', 'missing', '--timeout=60s');
  });
  await table.step('processes shared in a pod, and a container put into it later', async () => {
    await cluster.apply(pod('shared', container('exec sleep 1234'), { shareProcessNamespace: true }));
    await eventually('the pod', async () => isReady(await statusOf('shared')));
    await kubectl(
      'debug',
      'shared',
      '--image',
      image,
      '--container=later',
      '--',
      'sh',
      '-c',
      'ps; exec sleep 1000',
    );
    await eventually('its log', async () =>
      (await kubectl('logs', 'shared', '-c', 'later')).includes('sleep 1234'),
    );
    await kubectl('delete', 'pod', 'shared', '--timeout=60s');
  });
  await table.step('limits are changed while a container runs', async () => {
    await cluster.apply(
      pod(
        'resized',
        container('exec sleep 1000', {
          resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { cpu: '100m', memory: '32Mi' } },
        }),
      ),
    );
    await eventually('the pod', async () => isReady(await statusOf('resized')));
    const patch = {
      spec: { containers: [{ name: 'main', resources: { limits: { memory: '48Mi', cpu: '200m' } } }] },
    };
    await kubectl('patch', 'pod', 'resized', '--subresource', 'resize', '--patch', JSON.stringify(patch));
    await eventually('the limit', () => memoryLimits().includes(String(48 * 1024 * 1024)));
    await eventually('the status', async () => JSON.stringify(await statusOf('resized')).includes('"48Mi"'));
    expectSame(stateOf(await statusOf('resized'), 'main').restartCount, 0, 'restarts');
    await kubectl('delete', 'pod', 'resized', '--timeout=60s');
  });
}
