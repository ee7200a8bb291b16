/** The parts of an address that log drivers look at. */
export interface Address {
  scheme: string;
  /** With the port, as it is written. */
  host: string;
  path: string;
  query: string;
  fragment: string;
}

/**
 * Splits an address as Go's url.Parse does.
 * @throws Error with Go's text (`parse "127.0.0.1:514": first path segment in URL cannot contain colon`)
 */
export function parseAddress(text: string): Address {
  const refuse = (why: string) => new Error(`parse ${JSON.stringify(text)}: ${why}`);
  if (/[\0-\x1f\x7f]/.test(text)) throw refuse('net/url: invalid control character in URL');
  if (text.startsWith(':')) throw refuse('missing protocol scheme');
  const scheme = /^[a-zA-Z][a-zA-Z0-9+.-]*(?=:)/.exec(text)?.[0] ?? '';
  const rest = scheme === '' ? text : text.slice(scheme.length + 1);
  if (scheme === '' && /^[^/]*:/.test(rest)) throw refuse('first path segment in URL cannot contain colon');
  const [, authority, path = '', query = '', fragment = ''] =
    /^(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(rest)!;
  const host = (authority ?? '').replace(/^.*@/, '');
  const port = /^(?:\[[^\]]*\]|.*?)(:[^:]*)?$/.exec(host)?.[1];
  if (port !== undefined && !/^:\d*$/.test(port))
    throw refuse(`invalid port ${JSON.stringify(port)} after host`);
  return { scheme: scheme.toLowerCase(), host, path, query, fragment };
}

/**
 * Splits `host:port`; an IPv6 address is in brackets.
 * @throws Error with the text of Go's net.SplitHostPort
 */
export function splitHostPort(text: string): { host: string; port: string } {
  const refuse = (why: string) => new Error(`address ${text}: ${why}`);
  const bracketed = /^\[([^\]]*)\](.*)$/.exec(text);
  if (bracketed) {
    const [, host = '', rest = ''] = bracketed;
    if (!rest.startsWith(':')) throw refuse('missing port in address');
    return { host, port: rest.slice(1) };
  }
  const [host = '', port, more] = text.split(':');
  if (port === undefined) throw refuse('missing port in address');
  if (more !== undefined) throw refuse('too many colons in address');
  return { host, port };
}
