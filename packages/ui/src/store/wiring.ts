import type { ResponseOf } from '@berth/api-spec';
import { call } from '../api/requests.ts';
import { Value } from '../base/value.ts';
import { type Container, engine } from './engine.ts';

export type Wired = ResponseOf<'ExplainNetwork'>;

/** The engine's wiring of one network: its link, addresses, rules, and the interfaces of its running containers. */
const askWired = (id: string, signal?: AbortSignal): Promise<Wired> =>
  call<'ExplainNetwork'>(
    'GET',
    `/berth/explain/networks/${encodeURIComponent(id)}` as '/berth/explain/networks/{id}',
    { signal },
  );

/** The containers of each network, by its id: while it is the same, the network is wired the same. */
export function stateOf(containers: Iterable<Container>): Map<string, string> {
  const states = new Map<string, string>();
  for (const { Id, Names, State, Ports, NetworkSettings } of containers) {
    const ports = (Ports ?? []).map(({ IP, PublicPort, PrivatePort, Type }) =>
      [IP, PublicPort, PrivatePort, Type].join(' '),
    );
    for (const one of Object.values(NetworkSettings?.Networks ?? {})) {
      const id = one?.NetworkID ?? '';
      const place = [Id, Names?.[0], State, one?.EndpointID, one?.IPAddress, one?.GlobalIPv6Address, ports];
      states.set(id, `${states.get(id) ?? ''}${place.join(' ')}\n`);
    }
  }
  return states;
}

/** How each network is wired, by its id. A network is asked for again when something in it changed. */
class Wiring {
  readonly wired = new Value<ReadonlyMap<string, Wired>>(new Map());
  private readonly asked = new Map<string, string>();

  /** Keeps it true until the function that is returned is called. */
  follow(): () => void {
    engine.want('networks');
    const look = (): void => this.look();
    const ends = [engine.networks.follow(look), engine.containers.follow(look)];
    look();
    return () => {
      for (const end of ends) end();
    };
  }

  private look(): void {
    const networks = engine.networks.get();
    const containers = engine.containers.get();
    if (!networks || !containers) return;
    const states = stateOf(containers.values());
    const there = new Set(networks.map(({ Id }) => Id));
    for (const id of this.asked.keys()) if (!there.has(id)) this.asked.delete(id);
    const known = this.wired.get();
    if ([...known.keys()].some((id) => !there.has(id)))
      this.wired.set(new Map([...known].filter(([id]) => there.has(id))));
    for (const id of there) void this.ask(id, states.get(id) ?? '');
  }

  private async ask(id: string, state: string): Promise<void> {
    if (this.asked.get(id) === state) return;
    this.asked.set(id, state);
    try {
      const answer = await askWired(id);
      // A later question has a later answer.
      if (this.asked.get(id) === state) this.wired.set(new Map(this.wired.get()).set(id, answer));
    } catch {
      // Removed meanwhile, which an event tells; or the engine is away, and the page says so.
      if (this.asked.get(id) === state) this.asked.delete(id);
    }
  }
}

export const wiring = new Wiring();
