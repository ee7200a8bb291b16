// The way in which a proxy such as Traefik watches an engine: a list of containers with their labels, read anew after each event.
import { setTimeout as sleep } from 'node:timers/promises';
import { docker } from './docker.ts';
import { end, note, step } from './steps.ts';

const events: string[] = [];
let routes: string[] = [];
let readings = Promise.resolve();

/** Each router's rule with the service's place: its network, whether it has an address there, its port. */
async function read(): Promise<void> {
  const listed = await docker.listContainers({
    filters: { status: ['running'], label: ['traefik.enable=true'] },
  });
  const found = await Promise.all(
    listed.map(async ({ Id }) => {
      const told = await docker
        .getContainer(Id)
        .inspect()
        .catch(() => undefined);
      if (!told || !['healthy', undefined].includes(told.State.Health?.Status)) return [];
      const labels = told.Config.Labels;
      const [network, endpoint] = Object.entries(told.NetworkSettings.Networks)[0] ?? [];
      const port =
        labels['traefik.http.services.s.loadbalancer.server.port'] ??
        Object.keys(told.NetworkSettings.Ports)[0];
      return [
        `${told.Name} ${labels['traefik.http.routers.r.rule']} ${network} ${endpoint?.IPAddress ? 'address' : 'none'} ${port}`,
      ];
    }),
  );
  routes = found.flat().toSorted();
}

/** Waits until the routes are these, as the events have them read. */
async function become(
  wanted: (routes: string[]) => boolean,
): Promise<{ routes: string[]; events: string[] }> {
  for (let tries = 0; tries < 200 && !wanted(routes); tries++) await sleep(50);
  await sleep(300);
  await readings;
  return { routes, events: events.splice(0).toSorted() };
}

note('client', 'by dockerode');
const network = await docker.createNetwork({ Name: 'proxied', Labels: { of: 'traefik' } });
const stream = await docker.getEvents({
  filters: {
    type: ['container', 'network'],
    event: ['start', 'die', 'health_status', 'connect', 'disconnect', 'rename'],
  },
});
let rest = '';
stream.on('data', (part) => {
  const lines = (rest + part).split('\n');
  rest = lines.pop() ?? '';
  for (const line of lines.filter(Boolean)) {
    const { Type, Action, Actor, scope, from } = JSON.parse(line);
    events.push(
      [
        Type,
        Action,
        Actor.Attributes.name,
        scope,
        from ?? '',
        Object.keys(Actor.Attributes).toSorted().join(','),
      ].join(' '),
    );
    readings = readings.then(read);
  }
});
stream.on('error', () => undefined);

const serve = async (name: string, options: object = {}, host: object = {}) => {
  const container = await docker.createContainer({
    name,
    Image: 'bb',
    Cmd: ['sleep', '600'],
    Labels: { 'traefik.enable': 'true', 'traefik.http.routers.r.rule': `Host(\`${name}.test\`)` },
    ExposedPorts: { '8080/tcp': {} },
    HostConfig: { NetworkMode: 'proxied', ...host },
    ...options,
  });
  await container.start();
  return container;
};

const web = await serve('traweb');
await step('a container comes', () => become((now) => now.length === 1));
const unhealthy = await serve('trahealth', {
  Healthcheck: { Test: ['CMD', 'test', '-f', '/ready'], Interval: 200_000_000, Retries: 2 },
});
await step('one that is not healthy', () =>
  become(() => events.some((event) => event.includes('unhealthy'))),
);
await step('it becomes healthy', async () => {
  const exec = await unhealthy.exec({ Cmd: ['touch', '/ready'] });
  await exec.start({ Detach: true });
  const { routes, events } = await become((now) => now.length === 2);
  return { routes, events: events.filter((event) => event.includes('health_status')) };
});
await step('one without the label', async () => {
  await serve('tranone', { Labels: {} });
  return (await become(() => events.some((event) => event.includes('tranone')))).routes;
});
await step('one with a port of its own, by its label', async () => {
  await serve('traport', {
    Labels: {
      'traefik.enable': 'true',
      'traefik.http.routers.r.rule': 'PathPrefix(`/x`)',
      'traefik.http.services.s.loadbalancer.server.port': '99',
    },
  });
  return become((now) => now.length === 3);
});
await step('one is renamed', async () => {
  await web.rename({ name: 'traweb2' });
  return become((now) => now.some((route) => route.startsWith('/traweb2')));
});
await step('it leaves the network and comes back', async () => {
  await network.disconnect({ Container: 'traweb2' });
  await become(() => events.some((event) => event.includes('disconnect')));
  const without = routes;
  await network.connect({ Container: 'traweb2' });
  return [without, await become(() => events.some((event) => event.includes('network connect')))];
});
await step('it ends and starts again by its policy', async () => {
  const again = await serve(
    'traagain',
    { Cmd: ['sh', '-c', 'sleep 1; exit 1'] },
    { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 1 } },
  );
  await become(() => events.filter((event) => event.includes('die traagain')).length === 2);
  await again.remove({ force: true });
  return routes;
});
await step('it is killed', async () => {
  await web.kill();
  return become((now) => now.length === 2);
});
await step('all go', async () => {
  for (const name of ['trahealth', 'tranone', 'traport', 'traweb2'])
    await docker.getContainer(name).remove({ force: true });
  const { routes } = await become((now) => now.length === 0);
  await network.remove();
  return routes;
});
end();
