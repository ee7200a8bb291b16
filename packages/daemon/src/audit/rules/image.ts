import type { Image } from '../../images/api.ts';
import { type Rule, when } from '../rule.ts';
import type { ImageScan } from '../scan.ts';
import { secretIn, secretVariables } from '../secrets.ts';

/** An image as rules see it: its configuration, and what was found in its layers. */
export interface ImageSubject {
  image: Image;
  scan: ImageScan;
  elsewhere: boolean;
  /** The base image that it names, where the registry has a newer one by that name. */
  newerBase?: { name: string; has: string; newest: string };
}

const steps = ({ image }: ImageSubject): string[] =>
  (image.config.history ?? []).map(({ created_by = '' }) => created_by);
const run = ({ image }: ImageSubject) => image.config.config ?? {};
const ADDS = /^(?:\/bin\/sh -c #\(nop\) )?ADD (?!--checksum)/;
/** Directories of the system, which a volume is not to cover; a work is not to begin in the kernel's. */
const SYSTEM = /^\/(?:bin|boot|dev|etc|lib(?:32|64)?|proc|sbin|sys|usr)?\/?$/;
const WORKS = /^\/(?:bin|boot|dev|etc|lib(?:32|64)?|proc|sbin|sys)(?:\/|$)/;
/** Steps that match, shortened. */
const matching = (subject: ImageSubject, pattern: RegExp): string[] =>
  steps(subject)
    .filter((step) => pattern.test(step))
    .map((step) => step.slice(0, 160));

export const IMAGE_RULES: Rule<ImageSubject>[] = [
  {
    id: 'BI001',
    grade: 'medium',
    title: 'Its program runs as root',
    also: 'CIS 4.1, trivy DS-0002, dockle CIS-DI-0001',
    reason: 'Containers of it are root unless their start says otherwise.',
    incident: 'Most known escapes ask for root in the container.',
    mend: 'USER in the Dockerfile',
    find: (subject) => {
      const user = (run(subject).User ?? '').split(':')[0]!;
      return when(['', 'root', '0'].includes(user), `user ${user || 'not set'}`);
    },
  },
  {
    id: 'BI002',
    grade: 'high',
    title: 'Secrets are in its configuration',
    also: 'dockle CIS-DI-0010, trivy DS-0031',
    reason: 'ENV and the steps of the build are read by everyone who pulls it.',
    incident: 'Tokens given as build arguments are found in the history of public images.',
    mend: 'RUN --mount=type=secret in the Dockerfile',
    find: (subject) => [
      ...secretVariables(run(subject).Env ?? []),
      ...steps(subject).flatMap((step) => {
        const kind = secretIn(step);
        return kind ? [`a ${kind} in a step of its build`] : [];
      }),
    ],
  },
  {
    id: 'BI003',
    grade: 'high',
    title: 'Secrets are in its layers',
    also: 'CIS 4.10, trivy secret scanning',
    reason: 'A file stays in its layer even where a later one removes it.',
    incident: 'Studies of public registries found private keys in thousands of images.',
    mend: 'name them in .dockerignore; RUN --mount=type=secret in the Dockerfile',
    find: ({ scan }) => scan.secrets.map(({ path, kind, layer }) => `${path} in layer ${layer}: a ${kind}`),
  },
  {
    id: 'BI004',
    grade: 'low',
    title: 'It has set-user-ID files',
    also: 'CIS 4.8, dockle CIS-DI-0008',
    reason: 'Each makes root of a user who broke in, if it has a fault.',
    incident: 'CVE-2021-4034 (pkexec), CVE-2021-3156 (sudo).',
    mend: 'RUN chmod a-s in the Dockerfile, or --security-opt no-new-privileges',
    find: ({ scan }) => scan.setuid,
  },
  {
    id: 'BI005',
    grade: 'medium',
    title: 'Everyone may write to files of it',
    reason: 'A user who broke in changes programs and settings of others.',
    incident: 'Scripts that root runs, writable for all.',
    mend: 'RUN chmod o-w in the Dockerfile',
    find: ({ scan }) => scan.worldWritable,
  },
  {
    id: 'BI006',
    grade: 'low',
    title: 'Its health is not checked',
    also: 'CIS 4.6, trivy DS-0026, dockle CIS-DI-0006',
    reason: 'A program that hangs is not told from one that works.',
    incident: 'Outages that users report first.',
    mend: 'HEALTHCHECK in the Dockerfile',
    find: (subject) => when((run(subject).Healthcheck?.Test ?? ['NONE'])[0] === 'NONE', 'no HEALTHCHECK'),
  },
  {
    id: 'BI007',
    grade: 'low',
    title: 'ADD where COPY would do',
    also: 'CIS 4.9, trivy DS-0005, dockle CIS-DI-0009',
    reason: 'ADD fetches URLs without a checksum and unpacks archives.',
    incident: 'A changed download becomes part of the image.',
    mend: 'COPY, or ADD --checksum in the Dockerfile',
    // The first step of a base image adds its root file system.
    find: (subject) =>
      steps(subject)
        .filter((step, index) => ADDS.test(step) && (index > 0 || /https?:/.test(step)))
        .map((step) => step.slice(0, 160)),
  },
  {
    id: 'BI008',
    grade: 'low',
    title: 'Package lists are updated in a step of their own',
    also: 'CIS 4.7, trivy DS-0017, dockle CIS-DI-0007',
    reason: 'The cache keeps the old list, and later steps install old packages.',
    incident: 'Images that were rebuilt for a fix and did not get it.',
    mend: 'apt-get update && apt-get install in one RUN',
    find: (subject) => matching(subject, /(?:apt-get|apt|yum|apk) update(?:\s+-\S+)*\s*(?:#.*)?$/),
  },
  {
    id: 'BI009',
    grade: 'medium',
    title: 'sudo is used in its build',
    also: 'trivy DS-0010, dockle DKL-DI-0001',
    reason: 'sudo in an image is a way back to root.',
    incident: 'CVE-2021-3156.',
    mend: 'USER root for the steps that need it',
    find: (subject) => matching(subject, /(?:^|[\s;&|])sudo\s/),
  },
  {
    id: 'BI010',
    grade: 'medium',
    title: 'It means to offer SSH',
    also: 'CIS 5.7, trivy DS-0004',
    reason: 'It is one more way in, with keys and users of its own.',
    incident: 'Images with default passwords of sshd are taken over by scanners.',
    mend: 'leave EXPOSE 22 out; `berth exec` in its place',
    find: (subject) => when('22/tcp' in (run(subject).ExposedPorts ?? {}), 'EXPOSE 22'),
  },
  {
    id: 'BI011',
    grade: 'low',
    title: 'It can change under its name',
    also: 'CIS 4.2, trivy DS-0001, dockle DKL-DI-0006',
    reason: 'It came by the tag `latest`, which is another image tomorrow.',
    incident: 'Two machines that run different images by one name.',
    mend: 'a version as tag, or a digest',
    find: ({ image, elsewhere }) =>
      elsewhere ? image.repoTags.filter((tag) => tag.endsWith(':latest')) : [],
  },
  {
    id: 'BI012',
    grade: 'medium',
    title: 'Its base image has a newer version',
    reason: 'What was mended in the base is not in it.',
    incident: 'CVE-2014-0160 (Heartbleed) lived for years in images that nobody rebuilt.',
    mend: 'build it again (berth build --pull)',
    find: ({ newerBase }) =>
      newerBase ? [`${newerBase.name} was ${newerBase.has}, is ${newerBase.newest}`] : [],
  },
  {
    id: 'BI013',
    grade: 'medium',
    title: 'A program from the network is executed in its build',
    reason: 'What the server sends today is part of the image, unseen.',
    incident: 'The Codecov uploader of 2021, changed on its server, was run by thousands of builds.',
    mend: 'ADD --checksum, then RUN',
    find: (subject) => matching(subject, /(?:curl|wget)[^|;&]*\|\s*(?:sudo\s+)?(?:ba|da|z)?sh\b/),
  },
  {
    id: 'BI014',
    grade: 'low',
    title: 'All of its system was upgraded in the build',
    also: 'trivy DS-0024, dockle DKL-DI-0003',
    reason: 'The result depends on the day; the base image should be the newer one.',
    incident: 'Builds that cannot be repeated.',
    mend: 'a newer base image (FROM)',
    find: (subject) => matching(subject, /apt(?:-get)? (?:-\S+ )*dist-upgrade/),
  },
  {
    id: 'BI015',
    grade: 'high',
    title: 'A user of it has no password',
    also: 'dockle DKL-LI-0001',
    reason: 'Everyone who reaches a login of it is that user.',
    incident: 'CVE-2019-5021: Alpine’s images had a root without password.',
    mend: 'RUN passwd -l USER in the Dockerfile',
    find: ({ scan }) => scan.emptyPasswords,
  },
  {
    id: 'BI016',
    grade: 'info',
    title: 'It is not signed or pinned by a digest of a registry',
    also: 'CIS 4.5',
    reason: 'Where it came from is a matter of trust in a name.',
    incident: 'Names that look like others (typosquatting).',
    mend: 'pull it by digest (NAME@sha256:...)',
    find: ({ image, elsewhere }) =>
      when(elsewhere && image.repoDigests.length === 0, 'no digest of a registry'),
  },
  {
    id: 'BI017',
    grade: 'medium',
    title: 'Packages are installed whose origin is not verified',
    also: 'CIS 4.11, dockle CIS-DI-0011',
    reason: 'Signatures are what tells a package of the distribution from one that was changed on its way.',
    incident: 'CVE-2019-3462: a changed answer of a mirror became a package that apt installed.',
    mend: 'the key of the repository in the image; leave the option out',
    find: (subject) =>
      matching(
        subject,
        /--allow-unauthenticated|--force-yes|--no-?gpgcheck|--no-gpg-checks|--allow-untrusted|--trusted-host|\[trusted=yes\]/,
      ),
  },
  {
    id: 'BI018',
    grade: 'medium',
    title: 'A volume or its working directory covers the system',
    also: 'trivy DS-0030, dockle DKL-DI-0002',
    reason: 'An anonymous volume there keeps old programs over an update of the image, and is writable.',
    incident: 'Images whose fix did not arrive, as a volume held the old files.',
    mend: 'VOLUME and WORKDIR below /srv, /var/lib or /home in the Dockerfile',
    find: (subject) => [
      ...Object.keys(run(subject).Volumes ?? {})
        .filter((path) => SYSTEM.test(path))
        .map((path) => `VOLUME ${path}`),
      ...[run(subject).WorkingDir ?? ''].filter((path) => WORKS.test(path)).map((path) => `WORKDIR ${path}`),
    ],
  },
  {
    id: 'BI019',
    grade: 'low',
    title: 'Two names have one number',
    also: 'dockle DKL-LI-0002',
    reason: 'For the kernel they are one user: files of the one are files of the other.',
    incident: 'Services that read each other’s keys.',
    mend: 'useradd without --non-unique in the Dockerfile',
    find: ({ scan }) => scan.sharedIds,
  },
  {
    id: 'BI020',
    grade: 'info',
    title: 'Caches of package managers are in it',
    also: 'trivy DS-0015, DS-0019, DS-0020, DS-0025, dockle DKL-DI-0004, DKL-DI-0005',
    reason:
      'They are fetched and stored with each image, and tell a scanner of packages that are not installed.',
    incident: 'Images of twice their size.',
    mend: 'RUN --mount=type=cache, or remove them in the RUN that made them',
    find: ({ scan }) => scan.caches,
  },
  {
    id: 'BI021',
    grade: 'info',
    title: 'Files of its build are in it',
    also: 'CIS 4.3, dockle DKL-LI-0003',
    reason: 'A history of versions or a build file tells of hosts, names and removed secrets.',
    incident: 'Keys found in the .git folder of public images.',
    mend: 'name them in .dockerignore',
    find: ({ scan }) => scan.leftovers,
  },
  {
    id: 'BI022',
    grade: 'info',
    title: 'Packages are installed that nobody asked for',
    also: 'CIS 4.3, trivy DS-0029',
    reason: 'Each program that is there can have a fault and be of use to an intruder.',
    incident: 'CVE-2021-4034 in images that never needed pkexec.',
    mend: 'apt-get install --no-install-recommends',
    find: (subject) =>
      matching(subject, /apt-get (?:-\S+ )*install\s/).filter(
        (step) => !step.includes('--no-install-recommends'),
      ),
  },
];
