import { join } from 'node:path';
import type { TestDaemon } from '../support/daemon.ts';
import { Registry } from '../support/registry.ts';
import { Cluster } from './cluster.ts';
import { podLife } from './life.ts';
import { criDaemon, endpoint, Killer, leave, NODE, push, startKubelet } from './node.ts';
import { furnish, NODE_ADDRESS } from './place.ts';
import { remains } from './remains.ts';
import { standalone } from './standalone.ts';
import { eventually, type Row, Table } from './table.ts';
import { workloads } from './workload.ts';

/** Times that a pod's life is gone through under kills, and milliseconds from one kill to the next. */
const LIVES = Number(process.env['LIVES'] ?? 2);
const EVERY = Number(process.env['EVERY'] ?? 5000);

/** A node with a registry that serves the image of its pods. */
async function onANode(
  folder: string,
  run: (daemon: TestDaemon, image: string) => Promise<void>,
): Promise<void> {
  furnish(folder);
  const registry = await Registry.start(join(folder, 'registry'));
  const daemon = criDaemon();
  try {
    await daemon.up();
    const name = `${registry.host}/busybox`;
    await daemon.importBusybox();
    await daemon.call('POST', `/images/bb/tag?repo=${name}&tag=1`);
    await push(daemon, `${name}:1`);
    for (const image of [`${name}:1`, 'bb']) await daemon.call('DELETE', `/images/${image}`);
    await run(daemon, `${name}:1`);
  } finally {
    if (process.env['KEEP'] !== undefined) process.stdout.write(`${daemon.log}\n`);
    await leave(daemon, registry);
  }
}

export async function onItsOwn(folder: string): Promise<Row[]> {
  const table = new Table('standalone');
  await onANode(folder, (daemon, image) => standalone(table, daemon, folder, image));
  return table.rows;
}

/** A control plane and a node of it. */
async function clustered(
  table: Table,
  folder: string,
  run: (cluster: Cluster, daemon: TestDaemon, image: string) => Promise<void>,
): Promise<Row[]> {
  await onANode(folder, async (daemon, image) => {
    const cluster = new Cluster(folder);
    let kubelet: ReturnType<typeof startKubelet> | undefined;
    try {
      await cluster.start();
      kubelet = startKubelet(folder, endpoint(daemon), cluster.kubeconfig);
      await table.step('the node is ready', () =>
        eventually('the node', () =>
          cluster.kubectl('wait', '--for=condition=Ready', `node/${NODE}`, '--timeout=5s'),
        ),
      );
      await run(cluster, daemon, image);
      // A step that failed has left its own.
      await cluster.tries('delete', 'deployment,job,pod', '--all', '--timeout=60s');
      await table.step('nothing is left', () =>
        eventually('that', async () => {
          const left = await remains(daemon);
          if (left.length > 0) throw new Error(left.join('\n'));
          return true;
        }),
      );
    } finally {
      await kubelet?.end();
      await cluster.end();
    }
  });
  return table.rows;
}

export async function inACluster(folder: string): Promise<Row[]> {
  const table = new Table('cluster');
  return clustered(table, folder, async (cluster, daemon, image) => {
    await podLife(table, cluster, daemon, 'whole', image);
    await workloads(table, cluster, image, NODE_ADDRESS);
  });
}

/** The daemon is killed every few seconds meanwhile, and started again. */
export async function underKills(folder: string): Promise<Row[]> {
  const table = new Table('kills');
  return clustered(table, folder, async (cluster, daemon, image) => {
    const killer = new Killer(daemon, EVERY);
    killer.start();
    try {
      for (let life = 1; life <= LIVES; life += 1)
        await podLife(table, cluster, daemon, `whole-${life}`, image);
      await workloads(table, cluster, image, NODE_ADDRESS);
    } finally {
      await killer.stop();
    }
    process.stdout.write(`the daemon was killed ${killer.kills} times\n`);
  });
}
