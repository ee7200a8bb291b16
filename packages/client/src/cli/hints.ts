/** Advice for an error of the engine, found by its text: the texts are dockerd's, and stay as they are. */
interface Hint {
  error: RegExp;
  hint: string;
}

/** The first that fits counts: the closer ones stand before the wider. */
const HINTS: Hint[] = [
  // Builds.
  {
    error: /failed to read dockerfile|Dockerfile.*no such file|unable to evaluate symlinks in Dockerfile/i,
    hint: 'name the Dockerfile with -f, relative to the folder you build in',
  },
  {
    error: /forbidden path outside the build context/,
    hint: 'files come from the folder that is built: build from a folder above, or use --build-context',
  },
  {
    error:
      /failed to calculate checksum|COPY failed: .*(?:does not exist|not found)|ADD failed: .*does not exist/,
    hint: 'the file is not in the context: check the path, and .dockerignore',
  },
  {
    error: /target stage .* could not be found/,
    hint: '--target takes a name after AS in a FROM of the Dockerfile',
  },
  // Starts.
  {
    error: /exec: ".*": executable file not found in \$PATH/,
    hint: 'the image has no such program in its PATH: correct the name, give its whole path, or install it in the image',
  },
  {
    error:
      /start container process: .*exec .*no such file or directory|stat \/\S+: no such file or directory/,
    hint: 'the program is not in the image, or the interpreter of its first line (#!) is not; `berth explain --why CONTAINER` tells which',
  },
  {
    error: /exec format error/,
    hint: 'the program is for another processor, or a script without #!; `berth explain --why CONTAINER` tells which',
  },
  {
    error: /exec: ".*": (?:is a directory|permission denied)|exec .*permission denied/,
    hint: 'make the program executable in the image (chmod +x, COPY --chmod=755)',
  },
  {
    error: /port is already allocated|address already in use/,
    hint: 'publish another port (-p), or end who has it: `berth ps` shows containers, `ss -ltnp` programs',
  },
  { error: /unable to find user/, hint: 'name a user of the image’s /etc/passwd, or a number (--user UID)' },
  {
    error: /unable to find group/,
    hint: 'name a group of the image’s /etc/group, or a number (--user UID:GID)',
  },
  {
    error: /could not select device driver/,
    hint: 'this engine has no driver for that device: give the device file with --device',
  },
  {
    error: /cannot join network of a non running container|joining network namespace/,
    hint: 'start the container whose network is shared first',
  },
  // Mounts.
  {
    error: /Are you trying to mount a directory onto a file/,
    hint: 'mount a file over a file and a folder over a folder; a missing source of -v is made as a folder',
  },
  {
    error: /bind source path does not exist/,
    hint: 'make the folder on the engine’s host, or use -v, which makes it',
  },
  {
    error: /invalid mount path: '.*' mount path must be absolute/,
    hint: 'the place in the container begins with a slash: -v SOURCE:/PLACE',
  },
  {
    error: /includes invalid characters for a local volume name/,
    hint: 'a folder of the host begins with a slash or ./; a volume’s name has letters, digits, _ . - alone',
  },
  {
    error: /volume is in use/,
    hint: 'remove the containers that use it first: `berth ps -a --filter volume=NAME`',
  },
  // Networks.
  {
    error: /network \S+ not found/,
    hint: 'create it (`berth network create NAME`); `berth network ls` shows all',
  },
  {
    error: /Pool overlaps with other one|all predefined address pools have been fully subnetted/,
    hint: 'choose another range (--subnet), or remove unused networks: `berth network prune`',
  },
  {
    error: /user specified IP address is supported only/,
    hint: 'create the network with --subnet, then --ip counts',
  },
  {
    error: /has active endpoints/,
    hint: 'disconnect its containers first: `berth network inspect NAME` lists them',
  },
  // Registries.
  {
    error: /pull access denied|insufficient_scope|authentication required|unauthorized/,
    hint: 'check the name; for a private one log in: `berth login REGISTRY`',
  },
  {
    error: /manifest unknown|manifest for .* not found/,
    hint: 'the registry has the repository, not this tag',
  },
  {
    error: /no matching manifest for/,
    hint: 'the image is not made for that platform: choose one with --platform, or another image',
  },
  {
    error: /toomanyrequests/,
    hint: 'log in for a higher limit, or use a mirror (--registry-mirror of berthd)',
  },
  {
    error: /server gave HTTP response to HTTPS client/,
    hint: 'the registry speaks plain HTTP: name it with --insecure-registry of berthd, if you trust the network',
  },
  {
    error: /x509|certificate signed by unknown authority|self[- ]signed certificate/i,
    hint: 'put the registry’s CA into /etc/docker/certs.d/HOST/ca.crt',
  },
  {
    error: /dial tcp: lookup .*|no such host|EAI_AGAIN|ENOTFOUND/,
    hint: 'the engine’s host does not find that name: check the name and /etc/resolv.conf there, or a proxy (--https-proxy of berthd)',
  },
  {
    error: /dial tcp .*connection refused|connect: connection refused|ECONNREFUSED/,
    hint: 'nothing listens there: check the registry’s address and port',
  },
  // Everything else.
  {
    error: /Conflict\. The container name/,
    hint: 'remove or rename the other container (`berth rm`, `berth rename`)',
  },
  { error: /No such container/, hint: '`berth ps -a` shows all containers' },
  { error: /No such image/, hint: '`berth images` shows what is here; `berth pull` fetches it' },
  {
    error: /no space left on device|ENOSPC/i,
    hint: 'make room: `berth system df` shows what can go, `berth system prune` removes it',
  },
  { error: /is too (?:old|new)\. (?:Min|Max)imum supported API version/, hint: 'unset DOCKER_API_VERSION' },
  {
    error: /permission denied while trying to connect|connect EACCES/,
    hint: 'use sudo, or be a member of the socket’s group and log in again',
  },
  {
    error: /Cannot connect to the Docker daemon|Cannot connect to .*daemon|connect ENOENT/i,
    hint: 'start berthd, or say where it is with -H or BERTH_HOST; `berth doctor` checks this machine',
  },
];

/** The advice for an error; undefined where there is none. */
export function hintFor(message: string): string | undefined {
  return HINTS.find(({ error }) => error.test(message))?.hint;
}
