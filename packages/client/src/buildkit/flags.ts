import { bool, type FlagValues, list, string, strings } from '../base/flags.ts';
import { bytes, ulimits } from '../parse/container-flags.ts';
import { checkEnv } from '../parse/environment.ts';
import { checkExtraHost } from '../parse/hosts.ts';
import { parseReference } from '../parse/reference.ts';

/** The options of a build that both builders take. */
export const commonFlags = {
  'add-host': list('', 'One more host for /etc/hosts (host:ip)', checkExtraHost),
  'build-arg': list('', 'Value of an ARG of the Dockerfile', checkEnv),
  'cache-from': list('', 'Where steps may be taken from: an image, or type=registry,ref=IMAGE'),
  'cgroup-parent': string('', 'Parent control group of the steps'),
  file: string('f', 'Dockerfile', { shown: '"PATH/Dockerfile"' }),
  iidfile: string('', 'Write the ID of the image to this file'),
  label: list('', 'Label of the image'),
  network: string('', 'Network of the RUN steps', { initial: 'default' }),
  'no-cache': bool('', 'Run every step anew'),
  platform: list('', 'Platforms of the image: os/architecture, several with commas'),
  progress: string('', 'How progress is shown: "auto", "plain", "tty", "rawjson" or "quiet"', {
    initial: 'auto',
  }),
  pull: bool('', 'Look for newer versions of the images the build starts from'),
  quiet: bool('q', 'Only print the ID of the image'),
  'shm-size': bytes('', 'Size of /dev/shm of the steps'),
  tag: list('t', 'Name and tag of the image', (raw) => {
    parseReference(raw);
    return raw;
  }),
  target: string('', 'Stage to build'),
  ulimit: ulimits('Limits of the processes of the steps'),
};

/** The options that only BuildKit knows. */
export const buildKitFlags = {
  allow: strings('', 'Entitlements of the build: "network.host", "security.insecure"'),
  annotation: list('', 'Annotation of the image'),
  attest: list('', 'Attestation of the image (type=sbom, type=provenance)'),
  'build-context': list('', 'One more context (name=path, name=docker-image://image, ...)'),
  'cache-to': list('', 'Where steps are kept for other builds (type=inline, type=registry,ref=IMAGE, ...)'),
  call: string('', 'What to do: "build", "check", "outline" or "targets" (",format=json")', {
    initial: 'build',
  }),
  check: bool('', 'Only check the Dockerfile: short for --call=check'),
  load: bool('', 'Keep the image in the daemon: short for --output=type=docker'),
  'metadata-file': string('', "Write the build's results to this file"),
  'no-cache-filter': strings('', 'Stages to build anew'),
  output: list('o', 'Where the result goes (type=local,dest=FOLDER, type=tar,dest=FILE, ...)'),
  provenance: string('', 'Record how the image was made: short for --attest=type=provenance'),
  push: bool('', 'Upload the image once it is built'),
  sbom: string('', 'Record what the image holds: short for --attest=type=sbom'),
  secret: list('', 'Secret of the build (id=NAME,src=FILE or id=NAME,env=VARIABLE)'),
  ssh: list('', 'SSH agent or keys of the build (default, or ID=SOCKET or ID=KEY)'),
};

export type BuildKitFlags = FlagValues<typeof commonFlags & typeof buildKitFlags>;
