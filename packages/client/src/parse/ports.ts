import { isIP } from 'node:net';
import { cut } from './csv.ts';

export interface PortBinding {
  HostIp: string;
  HostPort: string;
}

function portNumber(text: string): number {
  if (!/^\d+$/.test(text))
    throw new Error(`strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`);
  const port = Number(text);
  if (port > 65535) throw new Error(`strconv.ParseUint: parsing ${JSON.stringify(text)}: value out of range`);
  return port;
}

/** First and last port of `8000` or `8000-8010`. */
function portRange(text: string): [number, number] {
  if (text === '') throw new Error('empty string specified for ports');
  const parts = text.split('-');
  const first = portNumber(parts[0]!);
  if (parts.length === 1) return [first, first];
  const last = portNumber(parts[1]!);
  if (last < first) throw new Error(`invalid range specified for port: ${text}`);
  return [first, last];
}

const protocols = new Set(['tcp', 'udp', 'sctp']);

/** The port and its protocol of `80/tcp`; a protocol that is not given is tcp. */
function splitProtocol(text: string): [proto: string, port: string] {
  const [port, proto] = cut(text, '/');
  if (port === '') return ['', ''];
  return [proto || 'tcp', port];
}

/** The bindings of one `-p [address:][host port:]container port[/protocol]`, ranges spread out. */
function parsePublish(spec: string): [port: string, binding: PortBinding][] {
  const parts = spec.split(':');
  const container = parts.pop()!;
  let hostPort = parts.pop() ?? '';
  let address = parts.join(':');
  const [proto, wanted] = splitProtocol(container);
  if (address.startsWith('[')) {
    const inner = /^\[([^\]]*)\]$/.exec(address);
    if (!inner) throw new Error(`invalid IP address ${address}: address ${address}:: missing ']' in address`);
    address = inner[1]!;
  }
  if (address !== '' && !isIP(address)) throw new Error(`invalid IP address: ${address}`);
  if (wanted === '') throw new Error(`no port specified: ${spec}<empty>`);
  let first: number;
  let last: number;
  try {
    [first, last] = portRange(wanted);
  } catch {
    throw new Error(`invalid containerPort: ${wanted}`);
  }
  let hostFirst = 0;
  let hostLast = 0;
  if (hostPort)
    try {
      [hostFirst, hostLast] = portRange(hostPort);
    } catch {
      throw new Error(`invalid hostPort: ${hostPort}`);
    }
  if (hostPort && last - first !== hostLast - hostFirst && first !== last)
    throw new Error(`invalid ranges specified for container and host Ports: ${wanted} and ${hostPort}`);
  const protocol = proto.toLowerCase();
  if (!protocols.has(protocol)) throw new Error(`invalid proto: ${proto}`);
  const bindings: [string, PortBinding][] = [];
  for (let i = 0; i <= last - first; i++) {
    if (hostPort) {
      hostPort = String(hostFirst + i);
      // A range of host ports for one port of the container: the daemon chooses from it.
      if (first === last && hostFirst !== hostLast) hostPort += `-${hostLast}`;
    }
    bindings.push([`${first + i}/${protocol}`, { HostIp: address, HostPort: hostPort }]);
  }
  return bindings;
}

/** `published=8080,target=80,protocol=tcp` in the short form; any other text as it is. */
function shortPublish(spec: string): string {
  if (!spec.includes('=')) return spec;
  const fields: Record<string, string> = { protocol: 'tcp' };
  for (const part of spec.split(',')) {
    const [key, value] = cut(part, '=');
    if (!key || value === undefined)
      throw new Error(`invalid publish opts format (should be name=value but got '${part}')`);
    fields[key] = value;
  }
  return `${fields['published'] ?? ''}:${fields['target'] ?? ''}/${fields['protocol']}`;
}

/** The exposed ports and the bindings of all `-p` and `--expose`. */
export function parsePorts(
  publish: readonly string[],
  expose: readonly string[],
): { exposed: Record<string, object>; bindings: Record<string, PortBinding[]> } {
  const exposed: Record<string, object> = {};
  const bindings: Record<string, PortBinding[]> = {};
  for (const spec of publish.map(shortPublish))
    for (const [port, binding] of parsePublish(spec)) {
      exposed[port] = {};
      bindings[port] = [...(bindings[port] ?? []), binding];
    }
  for (const text of expose) {
    if (text.includes(':')) throw new Error(`invalid port format for --expose: ${text}`);
    const [proto, ports] = splitProtocol(text);
    let first: number;
    let last: number;
    try {
      [first, last] = portRange(ports);
    } catch (error) {
      throw new Error(`invalid range format for --expose: ${text}, error: ${(error as Error).message}`);
    }
    if (!protocols.has(proto.toLowerCase())) throw new Error(`invalid proto: ${proto}`);
    for (let port = first; port <= last; port++) exposed[`${port}/${proto.toLowerCase()}`] = {};
  }
  return { exposed, bindings };
}
