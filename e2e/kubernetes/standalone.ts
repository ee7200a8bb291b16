import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import type { TestDaemon } from '../support/daemon.ts';
import { endpoint, KUBELET_URL, manifestOf, NODE, placeManifest, startKubelet } from './node.ts';
import { isReady, type PodStatus, stateOf, wholePod } from './pods.ts';
import { remains } from './remains.ts';
import { eventually, expectIn, expectSame, type Table } from './table.ts';

/** One request of the kubelet's own server. */
function kubelet(method: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${KUBELET_URL}${path}`,
      { method, rejectUnauthorized: false, agent: false },
      (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.on('error', reject);
        answer.on('end', () => {
          const text = Buffer.concat(parts).toString();
          if (answer.statusCode === 200) resolve(text);
          else reject(new Error(`${method} ${path}: ${answer.statusCode} ${text}`));
        });
      },
    );
    sent.on('error', reject);
    sent.end();
  });
}

interface Pod {
  metadata: { name: string; uid: string };
  status: PodStatus;
}

async function podOf(name: string): Promise<Pod | undefined> {
  const { items } = JSON.parse(await kubelet('GET', '/pods')) as { items: Pod[] | null };
  return items?.find(({ metadata }) => metadata.name === `${name}-${NODE}`);
}

/** A kubelet without a cluster: what stands in its folder of manifests runs. */
export async function standalone(
  table: Table,
  daemon: TestDaemon,
  folder: string,
  image: string,
): Promise<void> {
  const configuration = join(folder, 'configuration');
  mkdirSync(configuration);
  writeFileSync(join(configuration, 'greeting'), 'hello from a file\n');
  const program = startKubelet(folder, endpoint(daemon));
  const name = 'static';
  const pod = `default/${name}-${NODE}`;
  let status: PodStatus = {};
  const look = async () => (status = (await podOf(name))?.status ?? {});
  const restarts = async (container: string) => stateOf(await look(), container).restartCount;
  try {
    await table.step('the kubelet runs', () => eventually('the kubelet', () => kubelet('GET', '/healthz')));
    await table.step('a static pod becomes ready', async () => {
      placeManifest(wholePod(name, image, { hostPath: { path: configuration } }));
      await eventually('the pod to be ready', async () => isReady(await look()));
    });
    await table.step('it is reached by its address', async () => {
      const answer = await fetch(`http://${status.podIP}:8080/greeting`);
      expectSame(await answer.text(), 'hello from a file\n', 'what it serves');
    });
    await table.step('its initial containers ran in their order', async () =>
      expectSame(
        await kubelet('POST', `/run/${pod}/web?cmd=${encodeURIComponent('cat /work/order')}`),
        'first\nsidecar\nlast\n',
        'the order',
      ),
    );
    await table.step('its logs are read', async () => {
      const log = await kubelet('GET', `/containerLogs/${pod}/web`);
      for (const text of ['to-stdout', 'to-stderr']) expectIn(log, text, 'the log');
    });
    await table.step('a container that fails is restarted', async () => {
      await kubelet('POST', `/run/${pod}/web?cmd=${encodeURIComponent('touch /work/fail')}`);
      await eventually('a restart', async () => (await restarts('worker')) === 1);
      expectSame(stateOf(status, 'worker').lastState?.terminated?.exitCode, 3, 'its exit code');
    });
    await table.step('a container that its probe calls sick is restarted', async () => {
      await kubelet('POST', `/run/${pod}/worker?cmd=${encodeURIComponent('touch /work/sick')}`);
      await eventually('a restart', async () => (await restarts('web')) >= 1);
      await kubelet('POST', `/run/${pod}/worker?cmd=${encodeURIComponent('rm /work/sick')}`);
      await eventually('the pod to be ready again', async () => isReady(await look()));
    });
    await table.step('numbers of its containers are told', async () => {
      const { pods } = JSON.parse(await kubelet('GET', '/stats/summary')) as {
        pods: Array<{
          podRef: { name: string };
          containers: Array<{ name: string; memory?: { workingSetBytes?: number } }>;
        }>;
      };
      const told = pods.find(({ podRef }) => podRef.name === `${name}-${NODE}`)?.containers ?? [];
      for (const container of ['sidecar', 'web', 'worker'])
        if (!told.find((one) => one.name === container)?.memory?.workingSetBytes)
          throw new Error(`nothing is told of the memory of ${container}: ${JSON.stringify(pods)}`);
    });
    await table.step('it goes with its manifest, and nothing is left', async () => {
      rmSync(manifestOf(name));
      await eventually('the pod to be gone', async () => (await podOf(name)) === undefined);
      let left: string[] = [];
      await eventually(
        'nothing to be left',
        async () => {
          left = await remains(daemon);
          if (left.length > 0) throw new Error(left.join('\n'));
          return true;
        },
        90_000,
      );
    });
  } finally {
    rmSync(manifestOf(name), { force: true });
    await program.end();
  }
}
