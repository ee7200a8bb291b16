import { type Change, set } from './change.ts';

const steps = (...list: string[]) =>
  set(
    'image.config.history',
    list.map((created_by) => ({ created_by })),
  );
/** A image that no rule finds fault with. */
export const GOOD_IMAGE = {
  image: {
    repoTags: ['web:1.2'],
    repoDigests: ['web@sha256:0'],
    config: {
      config: {
        User: 'web',
        Env: ['PATH=/bin'],
        Healthcheck: { Test: ['CMD', 'true'] },
        ExposedPorts: { '80/tcp': {} },
      },
      history: [
        { created_by: '/bin/sh -c #(nop) ADD file:1 in /' },
        { created_by: 'RUN apt-get update && apt-get install -y --no-install-recommends x' },
        { created_by: 'COPY a /b' },
      ],
    },
  },
  scan: {
    setuid: [],
    worldWritable: [],
    emptyPasswords: [],
    secrets: [],
    caches: [],
    leftovers: [],
    sharedIds: [],
  },
  elsewhere: true,
};
/** By each rule's id the change of the good one that the rule has to find. */
export const BAD_IMAGE: Record<string, Change> = {
  BI001: set('image.config.config.User', ''),
  BI002: steps('ARG', 'RUN echo ghp_012345678901234567890123456789012345'),
  BI003: set('scan.secrets', [{ path: '/k', kind: 'private key', layer: 0 }]),
  BI004: set('scan.setuid', ['/bin/su']),
  BI005: set('scan.worldWritable', ['/opt/x']),
  BI006: set('image.config.config.Healthcheck', undefined),
  BI007: steps('FROM', 'ADD http://x/y /z'),
  BI008: steps('RUN apt-get update'),
  BI009: steps('RUN sudo make install'),
  BI010: set('image.config.config.ExposedPorts', { '22/tcp': {} }),
  BI011: set('image.repoTags', ['web:latest']),
  BI012: set('newerBase', { name: 'debian:12', has: 'sha256:0', newest: 'sha256:1' }),
  BI013: steps('RUN curl -fsSL http://x/y | sh'),
  BI014: steps('RUN apt-get -y dist-upgrade'),
  BI015: set('scan.emptyPasswords', ['root']),
  BI016: set('image.repoDigests', []),
  BI017: steps('RUN apk add --allow-untrusted x.apk'),
  BI018: set('image.config.config.Volumes', { '/usr/': {} }),
  BI019: set('scan.sharedIds', ['/etc/passwd: a, b have 1000']),
  BI020: set('scan.caches', ['/var/cache/apk']),
  BI021: set('scan.leftovers', ['/app/.git']),
  BI022: steps('RUN apt-get update && apt-get install -y x'),
};
