import type { Excuse } from './excuses-newer.ts';

/** Differences with a dockerd of 29 alone. */
export const ENGINE_29: Excuse[] = [
  {
    at: /@1\.(\d|[1-4]\d|5[01])\b/,
    line: /./,
    reason:
      'changed with Docker 29 for clients of every version; Berth does so from 1.52 on and is as 28.5 below, beside which it is compared',
  },
  { at: /GET \/info/, line: /Warnings/, reason: 'cgroups of version 1 are warned of' },
  { at: /GET \/info/, line: /InsecureRegistryCIDRs/, reason: 'in no order' },
  {
    line: /RepoDigests\[/,
    reason:
      'an image that was in no registry has no digest in one: its layers are kept as they are mounted, and what a push makes of them is not known before',
  },
  {
    at: /system\/df/,
    line: /Usage\.(Reclaimable|TotalSize) = \d+$/,
    reason:
      'layers are kept once, not packed as well; dockerd 29.1 counts what is in use as what can be reclaimed',
  },
  {
    at: /containers\/json.*size=1/,
    line: /SizeRw/,
    reason: 'a writable layer without a file takes no room; containerd counts its folders',
  },
  {
    at: /creates-config.*\((after )?address\)$/,
    line: /./,
    reason:
      "a container-wide MAC address is refused by name; Docker's changelog says so too, and dockerd ignores it",
  },
  {
    at: /creates-host.*\((after )?storage( size)?\)$/,
    line: /./,
    reason: "storage options are checked; containerd's store ignores them",
  },
  {
    at: /filters=%7B%22reference%22%3A%5B%22%5B%22%5D%7D/,
    line: /./,
    reason: 'a broken wildcard is told of, as by Docker 28; now it is one that nothing matches',
  },
  {
    at: /POST \/(images\/create|images\/.*\/push|build)/,
    line: /failed to (resolve reference|do request)|manifest for|Waiting|progressDetail|#\d+\.id|dial tcp/,
    reason: "words of containerd's resolver for a registry that is not there, or does not have the image",
  },
];
