import { createHash, createHmac } from 'node:crypto';

/** The keys that a request to Amazon's services is signed with. */
export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
  /** The end of the credentials, in milliseconds since the epoch. */
  expires?: number;
}

const sha256 = (text: string | Buffer) => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

/**
 * The headers of a POST to `/` with Signature Version 4
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html); `headers` are signed, too.
 */
export function signedHeaders(
  url: URL,
  headers: Record<string, string>,
  body: string,
  scope: { region: string; service: string; credentials: Credentials; now: Date },
): Record<string, string> {
  const { region, service, credentials, now } = scope;
  const time = now.toISOString().replace(/[-:]|\.\d{3}/g, '');
  const day = time.slice(0, 8);
  const all: Record<string, string> = {
    ...headers,
    Host: url.host,
    'X-Amz-Date': time,
    ...(credentials.sessionToken && { 'X-Amz-Security-Token': credentials.sessionToken }),
  };
  const names = Object.keys(all).sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
  const signed = names.map((name) => name.toLowerCase()).join(';');
  const canonical = [
    'POST',
    url.pathname,
    '',
    ...names.map((name) => `${name.toLowerCase()}:${all[name]!.trim()}`),
    '',
    signed,
    sha256(body),
  ].join('\n');
  const credentialScope = `${day}/${region}/${service}/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', time, credentialScope, sha256(canonical)].join('\n');
  const key = [day, region, service, 'aws4_request'].reduce<string | Buffer>(
    hmac,
    `AWS4${credentials.secretAccessKey}`,
  );
  const signature = createHmac('sha256', key).update(toSign).digest('hex');
  return {
    ...all,
    Authorization: `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${credentialScope}, SignedHeaders=${signed}, Signature=${signature}`,
  };
}
