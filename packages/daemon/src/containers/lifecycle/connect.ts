import { notFound } from '../../base/errors.ts';
import { log } from '../../base/log.ts';
import type { EndpointSettings, NetworkState } from '../../networks/api.ts';
import type { Container } from '../model/container.ts';
import { type Context, setRecord } from '../model/context.ts';
import { networkRequest } from './request.ts';

/** Joins a network, at once where the container runs. */
export async function connectContainer(
  context: Context,
  network: string,
  reference: string,
  endpoint: Partial<EndpointSettings>,
): Promise<void> {
  const container = context.registry.lookup(reference);
  await container.queue(async () => {
    const pid = container.alive ? container.state.pid : undefined;
    const { networks, store } = context.rooms;
    const known = networks.state(container.id)?.endpoints ?? {};
    const state = await networks.connect(network, networkRequest(container), endpoint, pid);
    rememberEndpoints(context, container, state, endpoint);
    await passControls(context, container);
    await store.flushOr(async () => {
      for (const name of Object.keys(state.endpoints).filter((one) => !(one in known)))
        await leave(context, container, name, { force: true }).catch((failure: unknown) =>
          log.warn(
            { container: container.id, network: name, err: failure },
            'a connection that failed stays',
          ),
        );
    });
  });
}

/** Leaves a network. @throws not-found for a container that is not there, where it is not forced to. */
export async function disconnectContainer(
  context: Context,
  network: string,
  reference: string,
  force: boolean,
): Promise<void> {
  const container = force ? context.registry.find(reference) : context.registry.lookup(reference);
  if (!container) {
    context.rooms.networks.inspect(network);
    throw notFound(`endpoint ${reference} not found`);
  }
  await container.queue(async () => {
    await leave(context, container, network, { force });
    await context.rooms.store.flushOrLater();
  });
}

/** The caller holds the container's queue, and flushes the store. */
async function leave(
  context: Context,
  container: Container,
  network: string,
  { force }: { force: boolean },
): Promise<void> {
  const pid = container.alive ? container.state.pid : undefined;
  const state = await context.rooms.networks.disconnect(network, container.id, {
    force,
    ...(pid !== undefined && { pid }),
  });
  rememberEndpoints(context, container, state, {});
  await passControls(context, container);
}

/** Gives the supervisor of a running container what a change of its networks means for it. */
export async function passControls(context: Context, container: Container): Promise<void> {
  for (const record of context.rooms.networks.takeControls(container.id))
    await container.supervisor?.control(record);
}

/** Records the networks the container has now, each as it was requested, for the next start. */
function rememberEndpoints(
  context: Context,
  container: Container,
  state: NetworkState,
  endpoint: Partial<EndpointSettings>,
): void {
  const before = container.record.endpoints;
  const endpoints = Object.fromEntries(
    Object.keys(state.endpoints).map((name) => [name, before[name] ?? endpoint]),
  );
  setRecord(context, container, { ...container.record, endpoints });
}
