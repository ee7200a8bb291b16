import { parse } from 'smol-toml';

/** A `[host."..."]` table of a hosts.toml. */
export interface HostEntry {
  url: string;
  pull: boolean;
  skipVerify: boolean;
  ca: string[];
  client?: [certificate: string, key: string];
}

/**
 * Reads what containerd's `hosts.toml` says about mirrors: the host tables in their order, with `capabilities`,
 * `skip_verify`, `ca` and `client`. Other members are passed over.
 * @throws Error that shows the place of what is no TOML.
 */
export function parseHosts(text: string): HostEntry[] {
  const { host } = parse(text);
  if (!isTable(host)) return [];
  return Object.entries(host).map(([address, table]) => entryOf(address, isTable(table) ? table : {}));
}

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const texts = (value: unknown): string[] =>
  (Array.isArray(value) ? value : [value]).filter((one): one is string => typeof one === 'string');

function entryOf(address: string, table: Record<string, unknown>): HostEntry {
  const { capabilities, skip_verify: skipVerify, ca, client } = table;
  // One certificate and its key, or a list of such pairs, of which the first is used.
  const [certificate, key] = texts(Array.isArray(client) && Array.isArray(client[0]) ? client[0] : client);
  return {
    url: address.includes('://') ? address : `https://${address}`,
    pull: capabilities === undefined || texts(capabilities).includes('pull'),
    skipVerify: skipVerify === true,
    ca: texts(ca),
    ...(certificate !== undefined && key !== undefined ? { client: [certificate, key] } : {}),
  };
}
