import { execFile } from 'node:child_process';
import { nativeProgram } from '@berth/native';
import type { ExplainedSocket } from '../api.ts';
import { readBeginning } from './proc.ts';

/** States of proc_net_tcp: a TCP socket that listens, a UDP socket without a peer. */
const WAITING = { tcp: '0A', udp: '07' };
const MOST = 256;
/** The kernel lists the listening sockets first. */
const READ = 512 * 1024;

/** The sockets that wait in the network namespace of a process. */
export function listening(pid: number): ExplainedSocket[] {
  const found = new Map<string, ExplainedSocket>();
  for (const protocol of ['tcp', 'udp'] as const)
    for (const family of ['', '6'])
      for (const socket of parseSockets(
        readBeginning(`/proc/${pid}/net/${protocol}${family}`, READ) ?? '',
        protocol,
      ))
        found.set(`${socket.Protocol} ${socket.Address} ${socket.Port}`, socket);
  return [...found.values()].sort((a, b) => a.Port - b.Port).slice(0, MOST);
}

/** How many connections wait in the queues of the TCP sockets that listen at a port, which nobody has accepted yet. */
export function unaccepted(pid: number, port: number): number {
  let waiting = 0;
  for (const family of ['', '6'])
    for (const [, number, queued] of (readBeginning(`/proc/${pid}/net/tcp${family}`, READ) ?? '').matchAll(
      /^\s*\d+: [0-9A-F]{8,32}:([0-9A-F]{4}) [0-9A-F]+:0000 0A [0-9A-F]{8}:([0-9A-F]{8}) /gm,
    ))
      if (Number.parseInt(number!, 16) === port) waiting += Number.parseInt(queued!, 16);
  return waiting;
}

const PATIENCE = 1000;

/** Whether what listens at a TCP port in the namespace of a process takes connections by IPv6 alone, which /proc does not tell. */
export function takesIPv6Only(pid: number, port: number): Promise<boolean> {
  const options = { timeout: PATIENCE, killSignal: 'SIGKILL' as const, env: {} };
  return new Promise((resolve) => {
    execFile(nativeProgram, ['probe', String(pid), 'v6only', String(port)], options, (error) =>
      resolve(error === null),
    );
  });
}

/** The rows of /proc/net/{tcp,tcp6,udp,udp6} in a waiting state. */
function parseSockets(text: string, protocol: 'tcp' | 'udp'): ExplainedSocket[] {
  const sockets: ExplainedSocket[] = [];
  for (const [, address, port, state] of text.matchAll(
    /^\s*\d+: ([0-9A-F]{8,32}):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) /gm,
  ))
    if (state === WAITING[protocol])
      sockets.push({ Protocol: protocol, Address: addressOf(address!), Port: Number.parseInt(port!, 16) });
  return sockets;
}

/** The kernel prints addresses as words of four bytes in the machine's own order, which is the little end first here. */
export function addressOf(hex: string): string {
  const bytes: number[] = [];
  for (let word = 0; word < hex.length; word += 8)
    for (let byte = 6; byte >= 0; byte -= 2)
      bytes.push(Number.parseInt(hex.slice(word + byte, word + byte + 2), 16));
  if (bytes.length === 4) return bytes.join('.');
  const mapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
  if (mapped) return bytes.slice(12).join('.');
  const groups: string[] = [];
  for (let index = 0; index < 16; index += 2)
    groups.push(((bytes[index]! << 8) | bytes[index + 1]!).toString(16));
  // URL has the canonical form of RFC 5952.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

/** Whether `address` is reached only from inside its own network namespace: 127.0.0.0/8 or ::1. */
export const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1';
