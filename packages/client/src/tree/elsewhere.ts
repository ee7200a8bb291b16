import { CliError } from '../base/errors.ts';
import { program } from '../cli/cli.ts';

const PLUGIN_FOLDER = '~/.docker/cli-plugins';

/** How to get a plugin of Docker's client. */
const install = (name: string, more: string): string =>
  `'${name}' is a plugin of Docker's client, and is not installed. Install it with the package docker-${name} of Debian or Ubuntu
(docker-${name}-plugin of Docker's own repositories), or put its program into ${PLUGIN_FOLDER}/docker-${name}; ${program} finds
it there.${more}`;

const SWARM =
  "Berth has no swarm mode: it runs containers of one machine. Several that belong together are run by 'berth compose'.";

/** Commands of Docker's client that are none here, with what does their work. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  buildx: install('buildx', `\n'${program} build' builds with BuildKit without it.`),
  compose: install('compose', ''),
  manifest: `'manifest' is not supported. For the platforms behind a name use '${program} buildx imagetools inspect NAME' or 'skopeo inspect
--raw docker://NAME'; for a name with several platforms '${program} buildx imagetools create -t NAME IMAGE...', or build them at once
with '${program} build --platform linux/amd64,linux/arm64 --push -t NAME .'.`,
  trust: `'trust' is not supported: signatures of Notary v1, which it makes, are no longer served by most registries. Sign and verify with
'cosign sign|verify NAME' or 'notation sign|verify NAME'; to hold on to what was verified, name images by digest (NAME@sha256:...).`,
  plugin: `'plugin' is not supported: Berth has no plugins in its daemon. Volumes of network file systems are mounted by 'berth volume create
-o type=nfs -o o=addr=HOST -o device=:/PATH'.`,
  swarm: SWARM,
  node: SWARM,
  service: SWARM,
  stack: SWARM,
};

/** The error for a command that Docker's client has and this one has not; undefined for others. */
export function elsewhere(word: string): CliError | undefined {
  if (!Object.hasOwn(ELSEWHERE, word)) return undefined;
  return new CliError(`${program}: ${ELSEWHERE[word]}`);
}
