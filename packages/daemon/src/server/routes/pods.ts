import { notFound } from '../../base/errors.ts';
import type { PodRecord } from '../../pods/api.ts';
import type { Services } from '../../services.ts';
import type { Server } from '../api.ts';

/** /pods */
export function podRoutes(server: Server, { pods, containers }: Services): void {
  const summary = (pod: PodRecord) => ({
    Id: pod.id,
    Name: pod.config.name,
    Namespace: pod.config.namespace,
    Uid: pod.config.uid,
    Attempt: pod.config.attempt,
    Created: pod.created,
    State: pods?.ready(pod) ? ('ready' as const) : ('stopped' as const),
    IPAddresses: pod.addresses,
    Containers: containers
      .all()
      .filter(({ record }) => record.pod?.id === pod.id)
      .map(({ record }) => record.id),
    Labels: pod.config.labels,
  });

  server.serve('PodList', () => (pods?.all() ?? []).reverse().map(summary));

  server.serve('PodInspect', ({ params }) => {
    if (!pods) throw notFound(`pod ${JSON.stringify(params.id)} is not there`);
    const pod = pods.get(params.id);
    const { config } = pod;
    return {
      ...summary(pod),
      Hostname: config.hostname,
      Annotations: config.annotations,
      LogDirectory: config.logDirectory,
      Network: config.network,
      Pid: config.pid,
      Ipc: config.ipc,
      UserNamespace: config.users !== undefined,
      CgroupParent: config.cgroupParent,
      Handler: config.handler,
      NetworkNamespace: pods.networkNamespace(pod),
    };
  });
}
