/** A difference that is meant, or that is the machine's and not the engine's. */
export interface Excuse {
  /** Names of the cases and steps, as they are printed; without it all. */
  at?: RegExp;
  /** The line of difference, with its sign: `-` of dockerd, `+` of Berth. */
  line: RegExp;
  reason: string;
}

const EXCUSES: Excuse[] = [
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
    line: /Plugins\.(Log|Network)|IndexConfigs|OomKillDisable/,
    reason: 'drivers that the one has and the other lacks; members of a map in another order',
  },
  {
    line: /berth0|docker0/,
    reason: "the default network's bridge has a name of its own, so that both engines fit on one host",
  },
  { line: /MaskedPaths|"\/proc\/interrupts"/, reason: 'as of Docker 27: /proc/interrupts is masked' },
  {
    line: /swarm|(secret|config) x not found|secret data must be|ID\s+NAME|invalid name ""| = \[\]$|^[-+] status (503|200)$|plugins? /,
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
    line: /resize|invalid resize|strconv\.Atoi: parsing "a"/,
    at: /exec:api/,
    reason: 'as of Docker 28: the resize of an exec names the wrong member',
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
    line: /^[-+] \s*(o\d|e\d|a|b)$|<TIME>\s+o2/,
    at: /cli\/logs/,
    reason: 'two streams reach the log in no order',
  },
  {
    line: /Unix syslog delivery error|connection refused|rc 1/,
    at: /cli\/logs/,
    reason: 'Berth keeps a local copy of logs whose receiver is not there',
  },
  { line: /Labels"?:|labels: |(n=.,x=y|x=y,n=.)/, at: /cli\/ps/, reason: 'docker prints maps in no order' },
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
];

/** Why a line of difference is meant; undefined: it is not. */
export const excuse = (name: string, line: string): string | undefined =>
  EXCUSES.find(({ at, line: pattern }) => (!at || at.test(name)) && pattern.test(line))?.reason;
