import ipaddr from 'ipaddr.js';

/** Proxies as the daemon's settings give them; empty: the environment decides. */
export interface ProxySettings {
  httpProxy: string;
  httpsProxy: string;
  noProxy: string;
}

function environment(name: string): string {
  return process.env[name] ?? process.env[name.toLowerCase()] ?? '';
}

/** The proxy that a request goes through, by the rules of Go's httpproxy package; undefined: none. */
export function proxyFor(url: URL, settings: ProxySettings): string | undefined {
  const secure = url.protocol === 'https:';
  const chosen = secure
    ? settings.httpsProxy || environment('HTTPS_PROXY')
    : settings.httpProxy || environment('HTTP_PROXY');
  if (chosen === '' || bypassed(url, settings.noProxy || environment('NO_PROXY'))) return undefined;
  return /^[a-z0-9]+:\/\//i.test(chosen) ? chosen : `http://${chosen}`;
}

function bypassed(url: URL, rules: string): boolean {
  const host = url.hostname
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  if (host === 'localhost') return true;
  const address = ipaddr.isValid(host) ? ipaddr.process(host) : undefined;
  if (address?.range() === 'loopback') return true;
  return rules
    .split(',')
    .map((rule) => rule.trim().toLowerCase())
    .some((rule) => rule !== '' && matches(rule, host, port, address));
}

function matches(
  rule: string,
  host: string,
  port: string,
  address: ipaddr.IPv4 | ipaddr.IPv6 | undefined,
): boolean {
  if (rule === '*') return true;
  if (rule.includes('/')) return address !== undefined && inNetwork(address, rule);
  const [, name = rule, wanted] = /^(\[[^\]]+\]|[^:]+):(\d+)$/.exec(rule) ?? [];
  if (wanted !== undefined && wanted !== port) return false;
  const plain = name.replace(/^\[|\]$/g, '');
  if (address) return ipaddr.isValid(plain) && ipaddr.process(plain).toString() === address.toString();
  if (plain.startsWith('*.')) return host.endsWith(plain.slice(1));
  if (plain.startsWith('.')) return host.endsWith(plain);
  return host === plain || host.endsWith(`.${plain}`);
}

/** Whether an address lies in a network written as CIDR; false for what is none. */
export function inNetwork(address: ipaddr.IPv4 | ipaddr.IPv6, network: string): boolean {
  if (!ipaddr.isValidCIDR(network)) return false;
  const [base, bits] = ipaddr.parseCIDR(network);
  return base.kind() === address.kind() && address.match(base, bits);
}
