import { isIP } from 'node:net';
import { cut } from './csv.ts';

/** `--add-host name:address` or `name=address`, in the daemon's spelling. */
export function checkExtraHost(text: string): string {
  let [name, address] = cut(text, '=');
  if (address === undefined) [name, address] = cut(text, ':');
  if (address === undefined || name === '' || name.includes(':'))
    throw new Error(`bad format for add-host: ${JSON.stringify(text)}`);
  if (address !== 'host-gateway') {
    if (/^\[.+\]$/.test(address)) address = address.slice(1, -1);
    if (!isIP(address.trim())) throw new Error(`invalid IP address in add-host: ${JSON.stringify(address)}`);
  }
  return `${name}:${address}`;
}

/** An IP address, as `--dns` and `--link-local-ip` take it. @throws Error in docker's words */
export function checkIp(text: string): string {
  if (!isIP(text.trim())) throw new Error(`IP address is not correctly formatted: ${text}`);
  return text.trim();
}

/** The value of `--dns-search`: a domain, or `.` for none. @throws Error in docker's words */
export function checkDnsSearch(text: string): string {
  const domain = text.trim();
  if (domain === '.') return domain;
  const match =
    /^(:?(:?[a-zA-Z0-9]|(:?[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))(:?\.(:?[a-zA-Z0-9]|(:?[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])))*)\.?\s*$/.exec(
      domain,
    );
  if (!/[a-zA-Z]/.test(domain) || !match || match[1]!.length >= 255)
    throw new Error(`${domain} is not a valid domain`);
  return match[1]!;
}

/** The value of `--link`: `NAME` or `NAME:ALIAS`. @throws Error in docker's words */
export function checkLink(text: string): string {
  if (text === '') throw new Error('empty string specified for links');
  if (text.split(':').length > 2) throw new Error(`bad format for links: ${text}`);
  return text;
}

/** The value of `--attach`, in lower case. @throws Error in docker's words */
export function checkStream(text: string): string {
  const stream = text.toLowerCase();
  if (!['stdin', 'stdout', 'stderr'].includes(stream))
    throw new Error('valid streams are STDIN, STDOUT and STDERR');
  return stream;
}

const sysctls = new Set([
  'kernel.msgmax',
  'kernel.msgmnb',
  'kernel.msgmni',
  'kernel.sem',
  'kernel.shmall',
  'kernel.shmmax',
  'kernel.shmmni',
  'kernel.shm_rmid_forced',
]);

/** `--sysctl NAME=VALUE`; only those of namespaces are taken, by docker's list. @throws Error in docker's words */
export function checkSysctl(text: string): Record<string, string> {
  const [name, value] = cut(text, '=');
  if (value === undefined || !(sysctls.has(name) || name.startsWith('net.') || name.startsWith('fs.mqueue.')))
    throw new Error(`sysctl '${text}' is not allowed`);
  return { [name]: value };
}
