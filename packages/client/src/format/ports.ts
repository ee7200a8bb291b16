/** A port of a container as its list shows it. */
export interface ListedPort {
  IP?: string;
  PrivatePort: number;
  PublicPort?: number;
  Type: string;
}

const order = (a: ListedPort, b: ListedPort): number =>
  a.PrivatePort - b.PrivatePort ||
  compare(a.IP ?? '', b.IP ?? '') ||
  (a.PublicPort ?? 0) - (b.PublicPort ?? 0) ||
  compare(a.Type, b.Type);

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Ports as `ps` shows them: neighbours joined to a range, those with another number outside at the end. */
export function displayPorts(ports: readonly ListedPort[]): string {
  const open = new Map<string, { ip: string; type: string; first: number; last: number }>();
  const shown: string[] = [];
  const mapped: string[] = [];
  const close = ({
    ip,
    type,
    first,
    last,
  }: {
    ip: string;
    type: string;
    first: number;
    last: number;
  }): void => {
    const range = first === last ? `${first}` : `${first}-${last}`;
    shown.push(`${ip ? `${ip}:${range}->` : ''}${range}/${type}`);
  };
  for (const { IP: ip = '', PrivatePort: port, PublicPort: outside = 0, Type: type } of [...ports].sort(
    order,
  )) {
    if (ip && outside !== port) {
      mapped.push(`${ip}:${outside}->${port}/${type}`);
      continue;
    }
    const key = `${ip}/${type}`;
    const group = open.get(key);
    if (group && port === group.last + 1) {
      group.last = port;
      continue;
    }
    if (group) close(group);
    open.set(key, { ip, type, first: port, last: port });
  }
  for (const group of open.values()) close(group);
  return [...shown, ...mapped].join(', ');
}
