/** A difference that is meant, or that is the machine's and not the engine's. */
export interface Excuse {
  /** Versions of dockerd; without it all. */
  engine?: RegExp;
  /** Names of the cases and steps, as they are printed; without it all. */
  at?: RegExp;
  /** The line of difference, with its sign: `-` of dockerd, `+` of Berth. */
  line: RegExp;
  reason: string;
}

/** The API versions of Docker 27 and newer. */
const NEWER_API = /@1\.(47|51|52)/;

/** Differences with a dockerd of 28 or 29, most of them of words that changed there. */
export const NEWER: Excuse[] = [
  {
    at: NEWER_API,
    line: /(r|R)ange of CPUs|(i|I)nvalid network mode|(i|I)nvalid isolation|(rror: E|e)xec command|cannot remove container|invalid (status|health)|invalid filter '(status|health)|unrecognized filter value for health|image with reference|failed to set up container networking|network (nosuch|two) not found|cannot join network|invalid name: |active endpoints|host network|invalid pool request|Pool overlaps/,
    reason: "as of Docker 28 the same error in other words; Berth's are those of 26.1",
  },
  {
    at: /creates-host@1\.(47|51|52).*shares\)$/,
    line: /./,
    reason: 'as of Docker 28: shares below nothing are refused; as 26.1 the kernel takes the least there is',
  },
  {
    at: NEWER_API,
    line: /Descriptor\./,
    reason: 'a store of images by manifest, as the containerd store, tells their descriptors',
  },
  {
    at: NEWER_API,
    line: /\.ExitCode = 12[67]$/,
    reason: 'as of Docker 28: a program that is not there ends with 127; Berth does so for newer clients',
  },
  {
    at: NEWER_API,
    line: /GwPriority|EnableIPv4/,
    reason: 'members of 1.48, which dockerd sends to older clients too',
  },
  {
    at: NEWER_API,
    line: /SandboxID/,
    reason: 'as of Docker 28: empty once the container has ended; it was the last one',
  },
  {
    at: /GET \/(version|info)$/,
    line: /BuildTime|Containerd\.|FirewallBackend|BridgeNf|AllowNondistributable/,
    reason:
      'another program, with its own parts; members that went with 1.49, which dockerd drops for older clients too',
  },
  {
    at: /v1\.10/,
    line: /./,
    reason: 'an error is JSON, as every other is; dockerd has plain text as of 28',
  },
  {
    at: /stats\?stream=0/,
    line: /^[-+] \[\d+\] = /,
    reason: "the container's name and id stand first as of Docker 28",
  },
  {
    at: /exec@1\.47 .*(User":"nosuch"|again|before)/,
    line: /./,
    reason:
      'as of Docker 28: the user is looked up when an exec is created; Berth does so for clients of 1.48 and newer',
  },
];

/** Why a line that was moved only is meant; undefined: it is not. */
export function movedExcuse(name: string, line: string, lines: string[]): string | undefined {
  if (!lines.includes((line.startsWith('-') ? '+' : '-') + line.slice(1))) return undefined;
  if (/POST \/exec\/\S*\/start/.test(name)) return 'two streams are read in no order';
  if (/cli\/(system:events|image:basics)/.test(name))
    return 'events of one moment, and images of one second, come in no order';
  return NEWER_API.test(name)
    ? 'members that Docker 28 and newer put in the order of their names'
    : undefined;
}
