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
 */
export function parseHosts(text: string): HostEntry[] {
  const hosts: HostEntry[] = [];
  let current: HostEntry | undefined;
  for (const line of joinLists(text)) {
    const table = /^\[\s*(.+?)\s*\]$/.exec(line);
    if (table) {
      const url = /^host\s*\.\s*(?:"([^"]+)"|'([^']+)')$/.exec(table[1]!);
      current = undefined;
      if (url) {
        const address = url[1] ?? url[2]!;
        current = {
          url: address.includes('://') ? address : `https://${address}`,
          pull: true,
          skipVerify: false,
          ca: [],
        };
        hosts.push(current);
      }
      continue;
    }
    const pair = /^([\w-]+)\s*=\s*(.+)$/.exec(line);
    if (pair && current) set(current, pair[1]!, pair[2]!);
  }
  return hosts;
}

function set(host: HostEntry, name: string, value: string): void {
  const strings = [...value.matchAll(/"([^"]*)"|'([^']*)'/g)].map((match) => match[1] ?? match[2]!);
  if (name === 'capabilities') host.pull = strings.includes('pull');
  else if (name === 'skip_verify') host.skipVerify = value === 'true';
  else if (name === 'ca') host.ca = strings;
  else if (name === 'client' && strings.length >= 2) host.client = [strings[0]!, strings[1]!];
}

/** Lines without comments and blanks; a list that goes over several lines becomes one. */
function joinLists(text: string): string[] {
  const lines: string[] = [];
  let open = '';
  for (const raw of text.split('\n')) {
    const line = raw.replace(/^((?:[^"'#]|"[^"]*"|'[^']*')*)#.*$/, '$1').trim();
    if (line === '') continue;
    open = open === '' ? line : `${open} ${line}`;
    const plain = open.replace(/"[^"]*"|'[^']*'/g, '');
    if (plain.split('[').length > plain.split(']').length) continue;
    lines.push(open);
    open = '';
  }
  return lines;
}
