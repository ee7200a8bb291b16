import { spawn } from 'node:child_process';
import { CliError } from '../base/errors.ts';
import type { ConfigFile, StoredAuth } from './file.ts';

/** Credentials as the API takes them. */
export interface AuthConfig {
  username?: string;
  password?: string;
  email?: string;
  serveraddress?: string;
  identitytoken?: string;
  registrytoken?: string;
}

/** The key under which Docker Hub's credentials are kept. */
export const hubKey = 'https://index.docker.io/v1/';

/** The host of a registry's address. */
export function hostOf(address: string): string {
  return address.replace(/^https?:\/\//, '').split('/')[0]!;
}

/** The key of the registry of an image reference's domain. */
export const keyOf = (domain: string): string => (domain === 'docker.io' ? hubKey : domain);

/** The value of an X-Registry-Auth header. */
export function encodeAuth(auth: AuthConfig): string {
  return Buffer.from(JSON.stringify(auth)).toString('base64url').padEnd(4, '=');
}

function helperOf(config: ConfigFile, server: string): string | undefined {
  return config.data.credHelpers?.[server] ?? (config.data.credsStore || undefined);
}

/** Runs a credential helper; resolves with what it printed. Throws with what it said is wrong. */
async function runHelper(name: string, action: string, input: string): Promise<string> {
  if (!/^[\w.-]+$/.test(name))
    throw new CliError(`the credential helper "${name}" of config.json is not a program's name`);
  const program = `docker-credential-${name}`;
  return new Promise((resolve, reject) => {
    const child = spawn(program, [action], { stdio: ['pipe', 'pipe', 'inherit'], env: process.env });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stdin.on('error', () => undefined);
    child.on('error', (error: NodeJS.ErrnoException) =>
      reject(
        new CliError(
          error.code === 'ENOENT'
            ? `error getting credentials - err: exec: "${program}": executable file not found in $PATH, out: \`\``
            : `error getting credentials - err: ${error.message}`,
        ),
      ),
    );
    child.on('close', (code) => {
      if (code === 0) resolve(output);
      else
        reject(
          new CliError(
            `error ${action === 'get' ? 'getting' : action === 'store' ? 'storing' : 'erasing'} credentials - err: exit status ${code}, out: \`${output.trim()}\``,
          ),
        );
    });
    child.stdin.end(input);
  });
}

const noCredentials = 'credentials not found in native keychain';

function fromFile(config: ConfigFile, server: string): AuthConfig {
  const { auths = {} } = config.data;
  const key = Object.hasOwn(auths, server)
    ? server
    : Object.keys(auths).find((name) => hostOf(name) === server);
  if (key === undefined) return {};
  const { auth, ...rest } = auths[key] as StoredAuth;
  const found: AuthConfig = { ...rest, serveraddress: key };
  if (auth) {
    const text = Buffer.from(auth, 'base64').toString();
    const colon = text.indexOf(':');
    if (colon > 0) {
      found.username = text.slice(0, colon);
      found.password = text.slice(colon + 1).replace(/^\0+|\0+$/g, '');
    }
  }
  return found;
}

/** The stored credentials of a registry; empty when there are none. Throws when a helper fails. */
export async function getCredentials(config: ConfigFile, server: string): Promise<AuthConfig> {
  const helper = helperOf(config, server);
  if (!helper) return fromFile(config, server);
  let output: string;
  try {
    output = await runHelper(helper, 'get', `${server}`);
  } catch (error) {
    if ((error as Error).message.includes(noCredentials)) return {};
    throw error;
  }
  const { Username, Secret } = JSON.parse(output) as { Username: string; Secret: string };
  return Username === '<token>'
    ? { identitytoken: Secret, serveraddress: server }
    : { username: Username, password: Secret, serveraddress: server };
}

/** The credentials for an image's registry as a header; a helper that fails is taken for one without credentials. */
export async function registryAuth(config: ConfigFile, domain: string): Promise<string> {
  return encodeAuth(await getCredentials(config, keyOf(domain)).catch(() => ({})));
}

/** Keeps credentials; true when they lie unencrypted in the file. */
export async function storeCredentials(config: ConfigFile, auth: AuthConfig): Promise<boolean> {
  const server = auth.serveraddress!;
  const helper = helperOf(config, server);
  config.data.auths ??= {};
  if (helper) {
    await runHelper(
      helper,
      'store',
      JSON.stringify({
        ServerURL: server,
        Username: auth.identitytoken ? '<token>' : auth.username,
        Secret: auth.identitytoken || auth.password,
      }),
    );
    config.data.auths[server] = {};
  } else
    config.data.auths[server] = {
      ...(auth.username
        ? { auth: Buffer.from(`${auth.username}:${auth.password ?? ''}`).toString('base64') }
        : {}),
      ...(auth.identitytoken ? { identitytoken: auth.identitytoken } : {}),
    };
  config.save();
  return !helper;
}

/** Forgets the credentials of a registry. */
export async function eraseCredentials(config: ConfigFile, server: string): Promise<void> {
  const helper = helperOf(config, server);
  if (helper) await runHelper(helper, 'erase', server);
  if (!config.data.auths || !Object.hasOwn(config.data.auths, server)) return;
  delete config.data.auths[server];
  config.save();
}

/** The credentials of all registries, for builds that pull from several. */
export async function allCredentials(config: ConfigFile): Promise<Record<string, AuthConfig>> {
  const servers = new Set([
    ...Object.keys(config.data.auths ?? {}),
    ...Object.keys(config.data.credHelpers ?? {}),
  ]);
  const { credsStore } = config.data;
  if (credsStore) {
    const listed = await runHelper(credsStore, 'list', '').catch(() => '{}');
    for (const server of Object.keys(JSON.parse(listed) as object)) servers.add(server);
  }
  const all: Record<string, AuthConfig> = {};
  for (const server of servers) {
    const auth = await getCredentials(config, server).catch(() => ({}) as AuthConfig);
    if (auth.username || auth.identitytoken) all[server] = { ...auth, serveraddress: server };
  }
  return all;
}
