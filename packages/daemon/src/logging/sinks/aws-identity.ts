import { homedir } from 'node:os';
import { join } from 'node:path';
import { readBounded } from '../../base/files/bounded-file.ts';
import { HttpClient } from './http.ts';
import type { Credentials } from './sigv4.ts';

/** The addresses at which containers of ECS, and machines of EC2, ask for credentials. */
const CONTAINER_ENDPOINT = 'http://169.254.170.2';
const MACHINE_ENDPOINT = 'http://169.254.169.254';
const PATIENCE = 2000;
/** Credentials are asked for anew this long before they end, in milliseconds. */
const EARLY = 5 * 60 * 1000;

/** Finds credentials as Amazon's own clients do, and keeps them for as long as they hold. */
export class AwsIdentity {
  private readonly endpoint: string | undefined;
  private readonly environment: NodeJS.ProcessEnv;
  private known: Credentials | undefined;

  /** `endpoint`: the path at which the container's endpoint is asked, before all else. */
  constructor(endpoint?: string, environment: NodeJS.ProcessEnv = process.env) {
    this.endpoint = endpoint;
    this.environment = environment;
  }

  /** @throws Error when there are none */
  async credentials(): Promise<Credentials> {
    if (this.known && (this.known.expires ?? Number.POSITIVE_INFINITY) - EARLY > Date.now())
      return this.known;
    this.known = await this.find();
    return this.known;
  }

  private async find(): Promise<Credentials> {
    const { environment } = this;
    if (this.endpoint !== undefined) return fromEndpoint(`${CONTAINER_ENDPOINT}${this.endpoint}`, {});
    const id = environment['AWS_ACCESS_KEY_ID'];
    const secret = environment['AWS_SECRET_ACCESS_KEY'];
    const token = environment['AWS_SESSION_TOKEN'];
    if (id && secret)
      return { accessKeyId: id, secretAccessKey: secret, ...(token && { sessionToken: token }) };
    const shared = fromSharedFile(environment);
    if (shared) return shared;
    const relative = environment['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'];
    const full = environment['AWS_CONTAINER_CREDENTIALS_FULL_URI'];
    const authorization = environment['AWS_CONTAINER_AUTHORIZATION_TOKEN'];
    if (relative || full)
      return fromEndpoint(
        relative ? `${CONTAINER_ENDPOINT}${relative}` : full!,
        authorization ? { Authorization: authorization } : {},
      );
    const role = await machineMetadata('/latest/meta-data/iam/security-credentials/');
    return readCredentials(
      await machineMetadata(`/latest/meta-data/iam/security-credentials/${role.trim().split('\n')[0]}`),
    );
  }
}

/** The region of the machine, from its metadata. @throws Error when it is none of Amazon's */
export async function machineRegion(): Promise<string> {
  return (await machineMetadata('/latest/meta-data/placement/region')).trim();
}

/** The most bytes of a file of credentials. */
const SHARED_FILE_MAX = 1024 * 1024;

function fromSharedFile(environment: NodeJS.ProcessEnv): Credentials | undefined {
  const path = environment['AWS_SHARED_CREDENTIALS_FILE'] || join(homedir(), '.aws/credentials');
  const profile = environment['AWS_PROFILE'] || 'default';
  let text: string;
  try {
    text = readBounded(path, SHARED_FILE_MAX).toString();
  } catch {
    return undefined;
  }
  const values = new Map<string, string>();
  let within = false;
  for (const line of text.split('\n')) {
    const section = /^\s*\[(?:profile\s+)?([^\]]+)\]/.exec(line);
    if (section) within = section[1]!.trim() === profile;
    const [, name, value] = /^\s*([\w-]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (within && name) values.set(name.toLowerCase(), value!);
  }
  const accessKeyId = values.get('aws_access_key_id');
  const secretAccessKey = values.get('aws_secret_access_key');
  const sessionToken = values.get('aws_session_token');
  if (!accessKeyId || !secretAccessKey) return undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
}

async function fromEndpoint(address: string, headers: Record<string, string>): Promise<Credentials> {
  return readCredentials(await ask('GET', address, headers));
}

async function machineMetadata(path: string): Promise<string> {
  const token = await ask('PUT', `${MACHINE_ENDPOINT}/latest/api/token`, {
    'X-aws-ec2-metadata-token-ttl-seconds': '300',
  });
  return ask('GET', `${MACHINE_ENDPOINT}${path}`, { 'X-aws-ec2-metadata-token': token });
}

async function ask(method: string, address: string, headers: Record<string, string>): Promise<string> {
  const url = new URL(address);
  const client = new HttpClient(url, {}, PATIENCE);
  try {
    const { status, body } = await client.request(method, url, headers);
    if (status !== 200) throw new Error(`${address} answered ${status}`);
    return body;
  } finally {
    client.close();
  }
}

function readCredentials(text: string): Credentials {
  const { AccessKeyId, SecretAccessKey, Token, Expiration } = JSON.parse(text) as Record<string, string>;
  if (!AccessKeyId || !SecretAccessKey) throw new Error('the answer has no credentials');
  const expires = Date.parse(Expiration ?? '');
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    ...(Token && { sessionToken: Token }),
    ...(!Number.isNaN(expires) && { expires }),
  };
}
