import { BerthError } from '../../../base/errors.ts';

/** Why an image could not be fetched, in BuildKit's words. */
export function sourceError(error: Error, full: string): Error {
  const say = (text: string) => new BerthError('system', text, { cause: error });
  if (/manifest unknown|repository .* not found/.test(error.message)) return say(`${full}: not found`);
  const denied = /^Head ("[^"]*"): no basic auth credentials$/.exec(error.message)?.[1];
  if (denied) return say(`unexpected status from HEAD request to ${JSON.parse(denied)}: 401 Unauthorized`);
  const network = /^Get "(https?:\/\/[^/"]+)\/v2\/": ((?:dial|read|net\/http|tls|http:).*)$/s.exec(
    error.message,
  );
  if (!network) return error;
  const [, path = '', version = 'latest'] = /^[^/]+\/(.+?)[:@]([^/]*)$/.exec(full) ?? [];
  return say(`failed to do request: Head "${network[1]}/v2/${path}/manifests/${version}": ${network[2]}`);
}
