import { execFile } from 'node:child_process';
import { isIP } from 'node:net';
import { nativeProgram } from '@berth/native';
import { invalidParameter } from '../../base/errors.ts';

/** A check that needs no program in the container. `words` are those of `berth-native probe`, behind the process. */
export interface NetworkProbe {
  words: string[];
}

const KINDS = ['HTTP', 'TCP', 'UNIX'];
const LOCALHOST = '127.0.0.1';

/** Whether a health check's first word names a check by network. */
export const isNetworkProbe = (kind: string | undefined): boolean => KINDS.includes(kind ?? '');

/**
 * Reads `[HTTP, url]`, `[TCP, address]`, `[UNIX, path]`. Addresses are those of the container's own network, and numbers;
 * without a host its loopback is meant.
 * @throws invalid-parameter
 */
export function parseNetworkProbe([kind = '', given = '', ...more]: readonly string[]): NetworkProbe {
  const refuse = (why: string) => invalidParameter(`invalid Healthcheck: ${kind} ${given}: ${why}`);
  if (given === '' || more.length > 0) throw refuse('one argument is wanted');
  if (kind === 'UNIX') {
    if (!given.startsWith('/') || given.includes('\0')) throw refuse('the path must be absolute');
    return { words: ['unix', given] };
  }
  if (kind === 'TCP') return { words: ['tcp', ...hostAndPort(given, refuse)] };
  const [, place, path] = /^http:\/\/([^/?#]*)([^#]*)/.exec(given) ?? [];
  if (place === undefined) throw refuse('the URL must begin with http://');
  const [host, port] = hostAndPort(place.includes(':') ? place : `${place}:80`, refuse);
  const target = path === '' ? '/' : path!.startsWith('?') ? `/${path}` : path!;
  if (/[\x00-\x20\x7f]/.test(target)) throw refuse('the path has a blank or a control character');
  const shown = host!.includes(':') ? `[${host}]` : host;
  const request = `GET ${target} HTTP/1.1\r\nHost: ${shown}:${port}\r\nUser-Agent: berth\r\nAccept: */*\r\nConnection: close\r\n\r\n`;
  return { words: ['http', host!, port!, request] };
}

function hostAndPort(text: string, refuse: (why: string) => Error): [string, string] {
  const [, bracketed, plain = '', port = ''] = /^(?:\[([^\]]*)\]:|([^:]*):)?(\d+)$/.exec(text) ?? [];
  const named = bracketed ?? plain;
  const host = named === '' || named === 'localhost' ? LOCALHOST : named;
  if (isIP(host) === 0) throw refuse('the host must be an address, localhost or nothing');
  if (port === '' || Number(port) < 1 || Number(port) > 65535)
    throw refuse('a port from 1 to 65535 is wanted');
  return [host, port];
}

/** Runs a check on the container whose first process is `pid`. */
export function runNetworkProbe(
  probe: NetworkProbe,
  pid: number,
  timeout: number,
  limit: number,
): Promise<{ exitCode: number; output: string; timedOut: boolean }> {
  const args = ['probe', String(pid), ...probe.words];
  const options = { timeout: Math.max(1, timeout), killSignal: 'SIGKILL' as const, env: {} };
  return new Promise((resolve) => {
    execFile(nativeProgram, args, options, (error, stdout, stderr) => {
      const output = `${stdout}${stderr}`;
      resolve({
        exitCode: error === null ? 0 : 1,
        output: output.length > limit ? `${output.slice(0, limit)}...` : output,
        timedOut: error?.killed === true,
      });
    });
  });
}
