import { spawnSync } from 'node:child_process';

/** The default bridge and the firewall table outlive the daemon by design; a test's own are removed with its folder. */
export function removeTraces(bridge: string): void {
  const table = tableOf(bridge);
  if (table) spawnSync('nft', ['delete', 'table', 'inet', table]);
  spawnSync('ip', ['link', 'delete', bridge]);
}

/** The firewall table that knows this bridge. */
export function tableOf(bridge: string): string | undefined {
  const list = (...what: string[]) => spawnSync('nft', ['list', ...what], { encoding: 'utf8' }).stdout ?? '';
  const tables = [...list('tables').matchAll(/^table inet (berth\S*)$/gm)].map((match) => match[1]!);
  return tables.find((table) => list('set', 'inet', table, 'bridges').includes(`"${bridge}"`));
}
