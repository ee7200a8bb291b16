import type { Container } from '../../store/engine.ts';

/** The place of a container in a network, by the network's id; undefined where it is not on it. */
export const placeIn = ({ NetworkSettings }: Container, id: string) =>
  Object.values(NetworkSettings?.Networks ?? {}).find((one) => one?.NetworkID === id);

/** The addresses that a container has in a network. */
export function addressesIn(container: Container, id: string): string[] {
  const place = placeIn(container, id);
  return [place?.IPAddress ?? '', place?.GlobalIPv6Address ?? ''].filter(Boolean);
}
