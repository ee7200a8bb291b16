import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { TestDaemon } from '../support/daemon.ts';
import type { Cluster } from './cluster.ts';
import { isReady, MEMORY, memoryLimits, type PodStatus, stateOf, wholePod } from './pods.ts';
import { eventually, expectIn, expectSame, type Table } from './table.ts';

const GREETING = 'hello from a map';

/** The steps of a cluster's user with a pod, from its making to its end; `name` is the pod's. */
export async function podLife(
  table: Table,
  cluster: Cluster,
  daemon: TestDaemon,
  name: string,
  image: string,
): Promise<void> {
  const kubectl = (...args: string[]) => cluster.kubectl(...args);
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
      expectIn(memoryLimits(), String(MEMORY), 'the limits of memory');
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
