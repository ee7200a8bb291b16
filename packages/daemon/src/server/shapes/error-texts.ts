/**
 * Errors that Docker's engines 28 and 29 tell in other words than 26.1, in whose words the rooms below tell them. The newer
 * words hold from the API version on that came with the engine.
 */

interface Rewording {
  since: number;
  /** The operations that tell it; without it all. */
  of?: RegExp;
  /** The text of before, or its part that changed. */
  older: RegExp;
  /** The text instead: `$1` and so on are the parts of `older`. */
  newer: string | ((...parts: string[]) => string);
}

const STATES = 'created, running, paused, restarting, removing, exited, dead';
const HEALTH = 'none, starting, healthy, unhealthy';

const ENGINE_28: Array<Omit<Rewording, 'since'>> = [
  { older: /^Error: (Exec command .*)$/, newer: (_, rest) => lower(rest!) },
  { older: /^(Range of CPUs is .*|Invalid network mode: .*)$/, newer: (text) => lower(text!) },
  { older: /^Invalid isolation: "(.*)" - (linux only .*)$/, newer: 'invalid isolation ($1): $2' },
  { older: /^Your (kernel does not support CPU real-time scheduler.*)$/, newer: '$1' },
  { older: /^Pool overlaps with other one/, newer: 'invalid pool request: $&' },
  { older: /^(cannot join own network)$/, newer: '$1 namespace' },
  { older: /^(cannot remove container ")\/(.*)$/s, newer: '$1$2' },
  { older: /^(invalid name: )\s*$/, newer: '$1name is empty' },
  {
    older: /^(invalid filter 'status=(.*)')$/,
    newer: `$1: invalid value for state ($2): must be one of ${STATES}`,
  },
  {
    older: /^unrecognized filter value for health: (.*)$/,
    newer: `invalid filter 'health=$1': invalid value for health ($1): must be one of ${HEALTH}`,
  },
  {
    of: /^(ContainerStart|NetworkConnect)$/,
    older: /^(Address already in use|cannot create endpoint on configuration-only network)$/,
    newer: 'failed to set up container networking: $1',
  },
  {
    of: /^ContainerStart$/,
    older: /^(network \S+ not found|driver failed programming external connectivity .*)$/,
    newer: 'failed to set up container networking: $1',
  },
  {
    of: /^NetworkConnect$/,
    older: /^container cannot be disconnected from host network or connected to host network$/,
    newer: 'cannot connect container to host network - container must be created in host network mode',
  },
  {
    of: /^NetworkDisconnect$/,
    older: /^container cannot be disconnected from host network or connected to host network$/,
    newer: 'cannot disconnect container from host network - container was created in host network mode',
  },
];

const ENGINE_29: Array<Omit<Rewording, 'since'>> = [
  { older: /^C(ontainer \S+ is already paused)$/, newer: 'c$1' },
  { older: /^(No such image: [^\s:@]+(?::\d+\/[^\s:@]+)?)$/, newer: '$1:latest' },
  {
    of: /^ImageCreate$/,
    older: /^manifest for (\S+) not found: manifest unknown.*$/,
    newer: (_, name) => `failed to resolve reference "${inFull(name!)}": ${inFull(name!)}: not found`,
  },
  { older: /^Invalid containerPort: /, newer: 'invalid containerPort: ' },
  {
    older: /^(conflict: unable to )remove repository reference "(.*)" \(must force\)( - .*)$/,
    newer: '$1delete $2 (must be forced)$3',
  },
  {
    older: /^image with reference (\S+) was found but does not match [^:]*: wanted ([^,]*), actual: .*$/,
    newer: (_, name, platform) =>
      `image with reference ${tagged(name!)} was found but does not provide the specified platform (${platform})`,
  },
  {
    older: /^(error while looking up for \S+ (.*)): strconv\.ParseUint: parsing "((?:[^"\\]|\\.)*)": (.*)$/,
    newer: (_, what, asked, port, why) =>
      `${what}: invalid ${asked!.split(/[-/]/)[0] === port ? 'start' : 'end'} port '${port}': ${why}`,
  },
  {
    older: /^(error while looking up for \S+ (.*)): Invalid range specified for the Port: .*$/,
    newer: '$1: invalid port range: $2',
  },
  {
    older: /network-scoped alias is supported only for containers in user defined networks/,
    newer: 'network-scoped aliases are only supported for user-defined networks',
  },
];

const REWORDED: Rewording[] = [
  ...ENGINE_29.map((rewording) => ({ since: 52, ...rewording })),
  ...ENGINE_28.map((rewording) => ({ since: 48, ...rewording })),
];

const lower = (text: string) => text[0]!.toLowerCase() + text.slice(1);

const tagged = (name: string) => (/[:@][^/]*$/.test(name) ? name : `${name}:latest`);

/** A name as a registry has it: without a host it is one of Docker's. */
function inFull(name: string): string {
  if (/^([^/]*[.:][^/]*|localhost)\//.test(name)) return name;
  return `docker.io/${name.includes('/') ? '' : 'library/'}${name}`;
}

/** Longer texts are those of programs and of files, and are looked at by nothing here. */
const LONGEST = 4096;

/** The text of an error of that operation in the words of `version`. */
export function errorTextFor(version: number, operation: string, text: string): string {
  if (text.length > LONGEST) return text;
  const rewording = REWORDED.find(
    ({ since, of, older }) => version >= since && (!of || of.test(operation)) && older.test(text),
  );
  if (!rewording) return text;
  return text.replace(rewording.older, rewording.newer as string);
}

/** The words of a client's version for errors of that operation, where a stream tells them. */
export const wordsOf = (version: number, operation: string) => (text: string) =>
  errorTextFor(version, operation, text);
