import { ENGINE_29 } from './excuses-29.ts';
import { type Excuse, movedExcuse, NEWER } from './excuses-newer.ts';

const EXCUSES: Excuse[] = [
  ...ENGINE_29.map((excuse): Excuse => ({ engine: /^29\./, ...excuse })),
  ...NEWER,
  {
    line: /^(- status 500|\+ status (400|404|409|501))$/,
    reason:
      'bad input is a 4xx in Berth, where dockerd takes some of it for a fault of its own (500); the text is the same',
  },
  {
    at: /GET \/(version|info)$|system:misc/,
    line: /Version|Commit|GoVersion|NodeVersion|Components|Platform|DriverStatus|Runtimes|InitBinary|OperatingSystem|DockerRootDir|CDISpecDirs|CDI spec|\/etc\/cdi|\/var\/run\/cdi|Backing Filesystem|Layers/,
    reason: 'another program, with its own parts and places',
  },
  {
    at: /GET \/info$/,
    line: /Plugins\.(Log|Network)|ExecutionDriver|KernelMemory = |IndexConfigs|OomKillDisable/,
    reason: 'drivers that the one has and the other lacks; members of a map in another order',
  },
  {
    line: /berth0|docker0/,
    reason: "the default network's bridge has a name of its own, so that both engines fit on one host",
  },
  { line: /MaskedPaths|"\/proc\/interrupts"/, reason: 'as of Docker 27: /proc/interrupts is masked' },
  {
    line: /swarm|(secret|config) x not found|secret data must be|ID\s+NAME|invalid name \\?"| = \[\]$|^[-+] status (503|200|400)$|plugins? |ListenAddr|service version|invalid filter|strconv\.Atoi|^- rc 1$|no rootfs found|config not found|could not find local IP/,
    at: /api\/(swarm|plugins)|system:misc|ps:inspects/,
    reason: 'Berth keeps secrets and configs without a swarm, and has neither swarm nor plugins',
  },
  {
    line: /DockerVersion|\.Container = |\.ContainerConfig|GraphDriver\.Data/,
    reason:
      'as of Docker 28: an image tells neither of the engine nor of the container that made it; layers lie elsewhere',
  },
  {
    line: /Go struct field|Go value of type/,
    reason: "names of Go's types in texts of errors",
  },
  { line: /SandboxKey|\/overlay2\/|docker-import-|docker_temp_/, reason: "places of the engine's own" },
  {
    line: /invalid resize|strconv\.Atoi: parsing/,
    at: /exec:api|resize/,
    reason: 'as of Docker 28: a resize names the wrong member',
  },
  {
    line: /\[false,12[67],false\]/,
    reason: 'as of Docker 28: an exec whose program is not there ends with 127',
  },
  { line: /gateway_mode_ipv4|unknown gateway mode/, reason: 'as of Docker 27: gateway modes are checked' },
  {
    line: /cgroup|CgroupnsMode|0::\//,
    reason:
      'cgroups of version 1 have containers share the namespace in dockerd; they have their own in Berth',
  },
  {
    line: /^[-+] \s*(o\d|e\d|a|b)$|<TIME>\s+[oe]\d|^[-+] part\$/,
    at: /cli\/logs/,
    reason: 'two streams reach the log in no order',
  },
  {
    line: /Unix syslog delivery error|connection refused|rc 1/,
    at: /cli\/logs/,
    reason: 'Berth keeps a local copy of logs whose receiver is not there',
  },
  { line: /Labels"?:|labels: |(n=.,x=y|x=y,n=.)/, at: /cli\/ps/, reason: 'docker prints maps in no order' },
  { line: /multiple network endpoints: (bridge, none|none, bridge)/, reason: 'names in no order' },
  { at: /volumes\?filters/, line: /dangling=\[(true false|false true)\]/, reason: 'values in no order' },
  {
    at: /POST \/(session|auth|build\/cancel)|PUT \/volumes/,
    line: /./,
    reason:
      "BuildKit's and swarm's own endpoints, whose answers to a request that means nothing no client reads; a registry that is not there",
  },
  {
    line: /^\+ (docker-experimental: false|api-version: <VERSION>|ostype: linux)$/,
    reason: 'each answer has the headers that tell of the engine, one of a wrong version too',
  },
  {
    at: /stats/,
    line: /content-type|\.(name|id) = "string"/,
    reason: 'as of Docker 29: a stream of numbers is typed JSON, and names its container',
  },
  {
    at: /GET \/networks|network:ls/,
    line: /^[-+] (\[\d\]\.|<ID12>|NETWORK ID)/,
    reason: 'networks are listed in no order',
  },
  { at: /network:use/, line: /^[-+] \d+: eth\d/, reason: 'links are numbered from 1 in each namespace' },
  {
    at: /network:create/,
    line: /^(\+ <ID64>|- rc 1|- Error response from daemon: Pool overlaps.*|[-+] rc 1|- <ID64>)$/,
    reason:
      "names and subnets of the other engine's own networks; as of Docker 27 0.0.0.0/0 asks for any subnet",
  },
  {
    at: /volume:all/,
    line: /bogus=1|create a{50}/,
    reason: "the kernel's own reason is told, and no path of the engine",
  },
  { at: /\/top$|ps:more/, line: /Processes|root\s+\d+/, reason: 'numbers of processes' },
  {
    at: /image:saveload/,
    line: /neither manifest.json|Unexpected end|unexpected EOF/,
    reason: 'an archive that is none is called so',
  },
  {
    at: /v1\.99/,
    line: /Maximum supported API version/,
    reason: 'the newest version is another one',
  },
  {
    line: /RepoDigests = (null|\[\])$/,
    reason:
      'an empty list where dockerd sends null to older clients: both read the same, and a list is safer',
  },
  {
    at: /creates-host.*\((after )?(host address|users|mount of memory below nothing)\)$/,
    line: /./,
    reason: 'Berth refuses when the container is created what dockerd takes and cannot start, or ignores',
  },
  {
    at: /creates-host@1\.(24|40).*mount options of another/,
    line: /./,
    reason:
      'dockerd means to drop options of another kind of mount for clients before 1.42, and drops them of a copy',
  },
  {
    at: /start-failures|run:exits/,
    line: /error mounting .*not a directory/,
    reason: "the runtime's own words for the same failure",
  },
  {
    at: /attach\?logs=1/,
    line: /status 200|does not support reading/,
    reason: 'an error is told by the status, where dockerd has promised success before',
  },
  {
    at: /POST \/images\/(create|i:a\/tag)$/,
    line: /http: no Host|invalid URL|status 200|content-type|""|invalid reference format/,
    reason: 'what a client left out is an error that names it; dockerd does nothing, or calls ""',
  },
  {
    at: /POST \/build \(no archive\)|build@1\.24/,
    line: /unexpected EOF|Error processing tar file|aux\.ID|#\d+\.stream = "Successfully/,
    reason:
      'no build of a client; the id of the image is told to clients before 1.29 too, which leave it out',
  },
  {
    at: /cli\/build:/,
    line: /failed to copy files: .*not a directory|\[91m|\[0m|^[-+] out$|Running in|Removed intermediate container|\|[24]B$/,
    reason:
      "paths of the engine's own; output in pieces as it came; a file with two names is counted once; a container that could not start has none to remove",
  },
  {
    at: /cli\/buildkit:/,
    line: /not a directory|security|unknown flag: (--)?(parents|exclude)|^- rc 1$|Cache export|Switch to a different driver|build-cache-backends|unknown cache exporter|stage-1 1\//,
    reason:
      "places of the engine's own; the Dockerfile's newer syntax; caches go to a registry, as with Docker's containerd store",
  },
  {
    at: /cli\/compose:errors/,
    line: /Stopp(ed|ing)$|Aborting on container exit|^[-+] (\x1b\[2K)?rc 1|exited with code 0|Gracefully stopping|namespace/,
    reason: 'which of two containers ends first, and how far compose came then, is a race',
  },
  {
    at: /cli\/cp:out/,
    line: /./,
    reason: "Berth copies files of the container's proc, which dockerd, looking from outside, does not find",
  },
  {
    at: /create:errors/,
    line: /^\+ WARNING: .*(AppArmor|SELinux)/,
    reason: 'a profile or label that the kernel cannot apply is told of',
  },
  {
    at: /create:shows/,
    line: /must use either propagation|^\+ bind \/a ro,rslave|\["/,
    reason: "the data root's mount is not seen by containers; docker sends binds in no order",
  },
  {
    at: /ps:inspects|network-use|cli\/network/,
    line: /"Name": "|IPPrefixLen/,
    reason: 'members of a network are in no order; the size of a subnet is that of the next free pool',
  },
  {
    at: /cli\/ps:/,
    line: /"Pid": \d+|\b\d+ 0 {2}<TIME>|no such object: [0-9a-f]{64}x/,
    reason: 'numbers of processes, and ids',
  },
  {
    at: /run:exits/,
    line: /ps -o pid,args|too many open files|^[-+] (rc 125|5|9)$|(proc|tmpfs|devpts|sysfs) on \//,
    reason:
      "numbers of processes; a limit of few files is the container's, not its start's; masks cannot be written to",
  },
  {
    at: /\/(networks|volumes)\/prune|volume:all/,
    line: /(Networks|Volumes)Deleted\[|^[-+] <ID64>$/,
    reason: 'names of what a prune removed are in no order',
  },
  {
    at: /GET \/events/,
    line: /\.(status|Action|Actor\.Attributes\.signal) = "(kill|unpause|9)"/,
    reason: 'the end of a pause is told beside the signals, in no order',
  },
];

/** Why one of a case's lines of difference with that version of dockerd is meant; undefined: it is not. */
export const excuse = (version: string, name: string, line: string, lines: string[]): string | undefined =>
  EXCUSES.find(
    ({ engine, at, line: pattern }) =>
      (!engine || engine.test(version)) && (!at || at.test(name)) && pattern.test(line),
  )?.reason ?? movedExcuse(name, line, lines);
