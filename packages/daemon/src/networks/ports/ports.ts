import { existsSync, readFileSync } from 'node:fs';
import { invalidParameter } from '../../base/errors.ts';
import { isIP } from '../addresses/addresses.ts';
import type { NetworkRequest, PortMap } from '../api.ts';
import type { LivePort } from '../model/records.ts';

export type Protocol = LivePort['protocol'];

/** One port of a container that is to be reachable on the host. */
export interface PortWish {
  protocol: Protocol;
  containerPort: number;
  /** '' where the network's default is meant. */
  hostIp: string;
  /** The host's port is one of these; 0 and 0: any. */
  from: number;
  to: number;
}

/** Reads `80/tcp`, `80`, `80-82/udp`. @throws invalid-parameter */
export function parsePort(text: string): { from: number; to: number; protocol: Protocol } {
  const match = /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/i.exec(text);
  const from = Number(match?.[1]);
  const to = Number(match?.[2] ?? match?.[1]);
  if (!match || from > 65535 || to > 65535 || from > to)
    throw invalidParameter(`invalid port specification: "${text}"`);
  return { from, to, protocol: (match[3]?.toLowerCase() ?? 'tcp') as Protocol };
}

/** The exposed ports. What is none (an image may say anything) is of no use to anybody, and in nobody's way. */
export function exposed({ exposedPorts }: NetworkRequest): Array<ReturnType<typeof parsePort>> {
  return exposedPorts.flatMap((text) => {
    try {
      return parsePort(text);
    } catch {
      return [];
    }
  });
}

/**
 * The ports that a container wants published, each port's bindings in the order in which an inspect shows them: dockerd's,
 * the last one asked for first. @throws invalid-parameter for one that can't be read.
 */
export function portWishes(request: NetworkRequest): PortWish[] {
  const wishes: PortWish[] = [];
  for (const [text, bindings] of Object.entries(request.portBindings ?? {})) {
    const { from, to, protocol } = parsePort(text);
    for (let port = from; port <= to; port++)
      for (const { HostIp = '', HostPort = '' } of bindings?.length ? bindings.toReversed() : [{}])
        wishes.push(wish(port, protocol, HostIp, HostPort));
  }
  if (request.publishAll)
    for (const { from, to, protocol } of exposed(request)) {
      for (let port = from; port <= to; port++)
        if (!wishes.some((other) => other.protocol === protocol && other.containerPort === port))
          wishes.push({ protocol, containerPort: port, hostIp: '', from: 0, to: 0 });
    }
  return wishes;
}

/** The same wishes in the order in which ports are taken: those of a certain port first, before any port is chosen. */
export const byUrgency = (wishes: readonly PortWish[]): PortWish[] =>
  wishes.toSorted((a, b) => b.from - a.from || b.containerPort - a.containerPort);

function wish(containerPort: number, protocol: Protocol, hostIp: string, hostPort: string): PortWish {
  if (hostIp && !isIP(hostIp)) throw invalidParameter(`invalid IP address: ${hostIp}`);
  const match = /^(\d+)(?:-(\d+))?$/.exec(hostPort === '' ? '0' : hostPort);
  const from = Number(match?.[1]);
  const to = Number(match?.[2] ?? match?.[1]);
  if (!match || from > 65535 || to > 65535 || from > to)
    throw invalidParameter(`invalid port specification: "${hostPort}"`);
  return { protocol, containerPort, hostIp, from, to };
}

/** The `Ports` of an inspect while a container runs: published ports, and null for the merely exposed ones. */
export function portMap(request: NetworkRequest, live: readonly LivePort[]): PortMap {
  const map: PortMap = {};
  for (const { from, to, protocol } of exposed(request)) {
    for (let port = from; port <= to; port++) map[`${port}/${protocol}`] = null;
  }
  for (const { protocol, containerPort, hostIp, hostPort } of live) {
    const key = `${containerPort}/${protocol}`;
    map[key] = [...(map[key] ?? []), { HostIp: hostIp, HostPort: String(hostPort) }];
  }
  return map;
}

const everywhere = (hostIp: string) => (hostIp.includes(':') ? '::' : '0.0.0.0');

/** The ports that this daemon gave to containers. */
export class PortTable {
  readonly #taken = new Map<string, string>();
  readonly #freed = new Map<number, number>();
  /** The port of each range that was tried last. */
  readonly #last = new Map<string, number>();
  #cursor = 0;

  /** Takes a port of an address; false when a container has it, there or on all addresses. */
  take(protocol: Protocol, hostIp: string, port: number, owner: string): boolean {
    const key = `${protocol} ${hostIp} ${port}`;
    if (this.#taken.has(key) || this.#taken.has(`${protocol} ${everywhere(hostIp)} ${port}`)) return false;
    this.#taken.set(key, owner);
    return true;
  }

  /** Whether a container gave back a port of that number less than a second ago. */
  justFreed(port: number): boolean {
    const when = this.#freed.get(port);
    return when !== undefined && Date.now() - when < 1000;
  }

  free(protocol: Protocol, hostIp: string, port: number, owner: string): void {
    const key = `${protocol} ${hostIp} ${port}`;
    if (this.#taken.get(key) !== owner) return;
    this.#taken.delete(key);
    this.#freed.set(port, Date.now());
    if (this.#freed.size > 1000) this.#freed.clear();
  }

  /** Port numbers to try for a wish, each once, from behind the one where the last search of that range ended. */
  *candidates({ protocol, hostIp, from, to }: PortWish): Generator<number> {
    if (from > 0 || to > 0) {
      const range = `${protocol} ${hostIp} ${from}-${to}`;
      let port = this.#last.get(range) ?? to;
      for (let tried = from; tried <= to; tried++) {
        port = port >= to ? from : port + 1;
        if (from < to) this.#last.set(range, port);
        yield port;
      }
      return;
    }
    const [low, high] = ephemeralRange();
    const count = high - low + 1;
    for (let tried = 0; tried < count; tried++) {
      const port = low + (this.#cursor % count);
      this.#cursor++;
      yield port;
    }
  }
}

let range: [number, number] | undefined;

/** The kernel's range for ephemeral ports, as dockerd uses it; read once. */
function ephemeralRange(): [number, number] {
  if (range) return range;
  range = [49153, 65535];
  try {
    const [low, high] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')
      .split(/\s+/)
      .map(Number);
    if (low && high && high >= low) range = [low, high];
  } catch {
    // dockerd's own default holds
  }
  return range;
}

/** Whether the host has IPv6 at all. */
const hostHasIpv6 = (): boolean => existsSync('/proc/net/if_inet6');

/** The host's addresses that a binding without an address stands for. */
export function bindingAddresses(hostIp: string, fallback: string): string[] {
  const chosen = hostIp || fallback || '0.0.0.0';
  if (!hostIp && chosen === '0.0.0.0' && hostHasIpv6()) return ['0.0.0.0', '::'];
  return [chosen];
}
