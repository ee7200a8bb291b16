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
  {
    error: /did not complete successfully: exit code: 127/,
    hint: 'a command of that step is not in the image: install it in a step before, or correct its name',
  },
  {
    error: /did not complete successfully: exit code: 137/,
    hint: 'that step was killed, for want of memory as a rule: give the build, or the machine, more',
  },
  {
    error: /did not complete successfully: exit code/,
    hint: 'the lines of that step above say why; `--progress plain` shows all of them',
  },
  {
    error: /dockerfile parse error/,
    hint: 'correct that line; an instruction goes on in the next line after a backslash',
  },
  {
    error: /base name \(.*\) should not be blank/,
    hint: 'give the argument a value: ARG NAME=VALUE before FROM, or --build-arg NAME=VALUE',
  },
  {
    error: /failed to solve: secret .*: not found/,
    hint: 'give it to the build: --secret id=NAME,src=FILE',
  },
  {
    error: /Dockerfile cannot be empty/,
    hint: 'a Dockerfile begins with FROM IMAGE',
  },
  {
    error: /unable to prepare context: path/,
    hint: 'name the folder that holds what is built',
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
  {
    error: /error gathering device information/,
    hint: 'the host has no such device: correct the path (--device), or load its driver',
  },
  {
    error: /(?:open|write) \/proc\/sys\/\S+: /,
    hint: 'the kernel has no such setting, or not that value: correct --sysctl, or load the module that has it',
  },
  {
    error: /sysctl '.*' is not allowed/,
    hint: 'only settings of namespaces (net.*, kernel.shm*, kernel.msg*, kernel.sem, fs.mqueue.*) are a container’s own; set others on the host',
  },
  {
    error: /failed to join (?:PID|IPC) namespace/,
    hint: 'start the container whose namespace is shared first',
  },
  {
    error: /unknown or invalid runtime name/,
    hint: '`berth info` lists the runtimes; berthd gets another by --add-runtime NAME=PATH',
  },
  {
    error: /failed to initialize logging driver/,
    hint: 'the receiver of its log is not reached: check the address in --log-opt, or use --log-driver local',
  },
  {
    error: /error looking up logging plugin/,
    hint: '`berth info` lists the log drivers',
  },
  {
    error: /unknown log opt/,
    hint: '`berth run --help` and LOGGING.md name the options of each driver',
  },
  {
    error: /bind: cannot assign requested address/,
    hint: 'the host has no such address: `ip address` lists them; -p PORT:PORT publishes at all',
  },
  {
    error: /Cannot mkdir: .* is not a directory/,
    hint: 'the image has a file at the place of the working directory: name another (-w)',
  },
  {
    error: /unknown capability/,
    hint: 'capabilities(7) names them, such as NET_ADMIN; ALL stands for all',
  },
  {
    error: /is supported only for overlay over xfs/,
    hint: 'put --data-root of berthd on an xfs that is mounted with pquota, or leave the size out',
  },
  {
    error: /error mounting "tmpfs".*: invalid argument/,
    hint: 'the kernel does not take that option of a tmpfs: size=64m, mode=1777, nr_inodes=1000, uid=, gid=',
  },
  {
    error: /container \S+ is not running/,
    hint: 'start it (`berth start`); `berth explain --why` says why it ended',
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
  {
    error: /failed to mount local volume/,
    hint: 'its options name a device, a server or a file system that the host does not have: `berth volume inspect` shows them',
  },
  {
    error: /no such volume/,
    hint: '`berth volume ls` shows all volumes',
  },
  {
    error: /error looking up volume plugin/,
    hint: 'volumes have the driver local: leave --driver out',
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
  {
    error: /is a pre-defined network/,
    hint: 'bridge, host and none are always there',
  },
  {
    error: /^(?:Error response from daemon: )?plugin "\S+" not found/,
    hint: '`berth info` lists the drivers of networks',
  },
  // Registries.
  {
    error: /invalid reference format/,
    hint: 'a name is [HOST[:PORT]/]PATH[:TAG][@sha256:DIGEST], its path in lower case',
  },
  {
    error: /An image does not exist locally with the tag/,
    hint: 'give an image that name first: `berth tag IMAGE NAME`',
  },
  {
    error: /invalid tar header|this is no archive of images/,
    hint: 'load takes what `berth save` has written; the tar of a root is for `berth import`',
  },
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
    error: /Could not find the file/,
    hint: '`berth exec CONTAINER ls FOLDER`, or `berth diff`, show what is there',
  },
  {
    error: /context not found/,
    hint: '`berth context ls` shows all contexts',
  },
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
