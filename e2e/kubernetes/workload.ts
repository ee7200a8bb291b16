import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import type { TestDaemon } from '../support/daemon.ts';
import type { Cluster } from './cluster.ts';
import { isReady, MEMORY, type PodStatus, stateOf, wholePod } from './pods.ts';
import { eventually, expectIn, expectSame, type Table } from './table.ts';

const GREETING = 'hello from a map';

/** What a cluster's user does with a pod, from its making to its end; `name` is the pod's. */
export async function podLife(
  table: Table,
  cluster: Cluster,
  daemon: TestDaemon,
  name: string,
  image: string,
): Promise<void> {
  const { kubectl } = bound(cluster);
  let status: PodStatus = {};
  const look = async () => {
    status = (await cluster.get('pod', name)).status as PodStatus;
    return status;
  };
  const restarts = async (container: string) => stateOf(await look(), container).restartCount;
  const exec = (container: string, ...command: string[]) =>
    kubectl('exec', name, '-c', container, '--', ...command);
  /** A call may meet a daemon that has just been killed. */
  const holds = (what: string, check: () => unknown) =>
    eventually(what, async () => {
      await check();
      return true;
    });

  await table.step('a pod becomes ready', async () => {
    await cluster.apply(
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { greeting: GREETING } },
      wholePod(name, image, { configMap: { name } }),
    );
    await eventually('the pod to be ready', async () => isReady(await look()), 120_000);
  });
  await table.step('its initial containers ran in their order', () =>
    holds('the order', async () =>
      expectSame(await exec('web', 'cat', '/work/order'), 'first\nsidecar\nlast', 'the order'),
    ),
  );
  await table.step('it is reached by its address', async () => {
    const answer = await fetch(`http://${status.podIP}:8080/greeting`);
    expectSame(await answer.text(), GREETING, 'what it serves');
    const from = await exec('worker', 'wget', '-q', '-O', '-', 'http://127.0.0.1:8081/order');
    expectIn(from, 'sidecar', 'what its sidecar serves');
  });
  await table.step('its limits are those of its cgroup', () =>
    holds('the limit', async () => {
      const read = spawnSync(
        'sh',
        ['-c', `cat $(find /sys/fs/cgroup -path '*kubepods*' -name '${limitFile()}')`],
        { encoding: 'utf8' },
      );
      expectIn(read.stdout, String(MEMORY), 'the limits of memory');
    }),
  );
  await table.step('logs, of one container and of all', () =>
    holds('the logs', async () => {
      for (const text of ['to-stdout', 'to-stderr'])
        expectIn(await kubectl('logs', name, '-c', 'web'), text, 'the log');
      expectIn(await kubectl('logs', name, '--all-containers'), 'begins', 'the logs');
    }),
  );
  await table.step('exec: input, output, exit code', () =>
    holds('an exec', async () => {
      const said = await cluster.asks('to be read', 'exec', '-i', name, '-c', 'web', '--', 'cat');
      expectSame(said.stdout, 'to be read', `what cat says (${said.stderr})`);
      expectSame(
        (await cluster.tries('exec', name, '-c', 'web', '--', 'sh', '-c', 'exit 7')).status,
        7,
        'the exit code',
      );
    }),
  );
  await table.step('a port is forwarded', () =>
    eventually('an answer', async () => {
      const forward = cluster.runs('port-forward', `pod/${name}`, ':8080');
      try {
        const [chunk] = (await once(forward.stdout, 'data', { signal: AbortSignal.timeout(20_000) })) as [
          Buffer,
        ];
        const port = /:(\d+) ->/.exec(chunk.toString())?.[1];
        expectSame(
          await (await fetch(`http://127.0.0.1:${port}/greeting`)).text(),
          GREETING,
          'what comes through',
        );
        return true;
      } finally {
        forward.kill();
      }
    }),
  );
  await table.step('a file is copied in and out', () =>
    holds('a copy', async () => {
      await kubectl('cp', '/etc/hostname', `${name}:/work/copied`, '-c', 'web');
      expectSame(
        await exec('worker', 'cat', '/work/copied'),
        spawnSync('cat', ['/etc/hostname'], { encoding: 'utf8' }).stdout.trim(),
        'the copy',
      );
    }),
  );
  await table.step('a container that fails is restarted, and its earlier log is kept', async () => {
    await holds('a failure', () => exec('web', 'touch', '/work/fail'));
    await eventually('a restart', async () => (await restarts('worker')) === 1);
    expectSame(stateOf(status, 'worker').lastState?.terminated?.exitCode, 3, 'its exit code');
    await holds('the earlier log', async () =>
      expectIn(await kubectl('logs', name, '-c', 'worker', '--previous'), 'begins', 'the earlier log'),
    );
  });
  await table.step('a container that its probe calls sick is restarted', async () => {
    await holds('an exec', () => exec('worker', 'touch', '/work/sick'));
    await eventually('a restart', async () => (await restarts('web')) >= 1);
    await holds('an exec', () => exec('worker', 'rm', '-f', '/work/sick'));
    await eventually('the pod to be ready again', async () => isReady(await look()));
  });
  await table.step('a sidecar that is killed is restarted', async () => {
    const before = await restarts('sidecar');
    await holds('a kill', async () => {
      const id = stateOf(await look(), 'sidecar').containerID.replace(/^.*:\/\//, '');
      process.kill((await daemon.call('GET', `/containers/${id}/json`)).json.State.Pid, 'SIGKILL');
    });
    await eventually('a restart', async () => (await restarts('sidecar')) > before);
    await eventually('the pod to be ready again', async () => isReady(await look()));
  });
  await table.step('a changed map reaches the pod', async () => {
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name },
      data: { greeting: 'changed' },
    });
    await eventually(
      'the change',
      async () => (await exec('web', 'cat', '/configuration/greeting')) === 'changed',
      150_000,
    );
  });
  await table.step('it is deleted', async () => {
    await kubectl('delete', 'pod', name, '--timeout=60s');
    await kubectl('delete', 'configmap', name);
  });
}

const limitFile = (): string =>
  readdirSync('/sys/fs/cgroup').includes('cgroup.controllers') ? 'memory.max' : 'memory.limit_in_bytes';

const bound = (cluster: Cluster) => ({ kubectl: (...args: string[]) => cluster.kubectl(...args) });

/** Objects that make pods, and pods of other kinds. */
export async function workloads(table: Table, cluster: Cluster, image: string, node: string): Promise<void> {
  const { kubectl } = bound(cluster);
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
    await eventually('the limit', () => {
      const read = spawnSync(
        'sh',
        ['-c', `cat $(find /sys/fs/cgroup -path '*kubepods*' -name '${limitFile()}')`],
        { encoding: 'utf8' },
      );
      return read.stdout.includes(String(48 * 1024 * 1024));
    });
    await eventually('the status', async () => JSON.stringify(await statusOf('resized')).includes('"48Mi"'));
    expectSame(stateOf(await statusOf('resized'), 'main').restartCount, 0, 'restarts');
    await kubectl('delete', 'pod', 'resized', '--timeout=60s');
  });
}
