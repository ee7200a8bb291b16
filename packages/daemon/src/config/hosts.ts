/** `unix:///x` gives `unix` and `/x`; dockerd's short forms too. */
export function splitHost(host: string): [scheme: string, rest: string] {
  if (host.startsWith('/')) return ['unix', host];
  const at = host.indexOf('://');
  if (at === -1) return host === '' ? ['', ''] : ['tcp', host];
  return [host.slice(0, at), host.slice(at + 3)];
}
