import type { NetworkExplanation } from './api.ts';
import type { ExplainRooms } from './rooms.ts';

/** The facts of a network: its link on the host, its members, and the rules that bear on it. */
export async function explainNetwork(
  { networks, containers }: ExplainRooms,
  reference: string,
): Promise<NetworkExplanation> {
  const { Table, ...way } = await networks.networkWay(reference);
  const { Containers } = networks.inspect(way.NetworkId);
  const Members = Object.entries(Containers).map(
    ([Id, { Name, IPv4Address, IPv6Address, MacAddress }]): NetworkExplanation['Members'][number] => ({
      Id,
      Name,
      IPv4: IPv4Address.split('/')[0]!,
      IPv6: IPv6Address.split('/')[0]!,
      Mac: MacAddress,
      HostInterface: networks.hostInterface(Id, way.NetworkId),
      Ports: Object.entries(containers.find(Id)?.network.ports ?? {}).flatMap(([port, bindings]) =>
        (bindings ?? []).map(({ HostIp, HostPort }) => `${HostIp}:${HostPort}->${port}`),
      ),
    }),
  );
  return { ...way, ...(Table && { Table }), Members };
}
