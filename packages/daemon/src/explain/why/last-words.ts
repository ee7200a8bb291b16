import { posix } from 'node:path';
import type { Inquiry } from './inquiry.ts';
import { lookInRoot } from './program.ts';
import { whyNotExecuted } from './start.ts';

interface Reason {
  pattern: RegExp;
  cause: string;
  text: (found: RegExpExecArray, inquiry: Inquiry) => string;
  advice: string;
}

const limitOf = ({ container }: Inquiry, name: string): string => {
  const limit = container.record.hostConfig.Ulimits?.find((one) => one.Name === name)?.Soft;
  return limit === undefined ? '' : `, which is ${limit} (--ulimit ${name})`;
};

/** Errors of the C library and the kernel, as programs say them when they give up. The first that fits counts. */
const REASONS: Reason[] = [
  {
    pattern: /error while loading shared libraries: ([^:\s]+)|Error loading shared library ([^:\s]+)/,
    cause: 'library-missing',
    text: ([, glibc, musl]) => `it needs the library ${glibc ?? musl}, which is not in the image`,
    advice: 'Install its package in the image, copy it from the stage that built the program, or link it in.',
  },
  {
    pattern: /version [`'"‘]?(GLIBC(?:XX)?_[\w.]+)['"’]? not found/,
    cause: 'library-old',
    text: ([, version]) => `it was built for newer libraries (${version}) than the image has`,
    advice: 'Build it on the base that it runs on or an older one, or use a newer base (FROM).',
  },
  {
    pattern:
      /can(?:'t|not) fork|fork: (?:retry: )?Resource temporarily unavailable|pthread_create\b.*(?:failed|unavailable)|unable to create (?:a )?(?:new )?(?:native )?thread|spawn \S+ EAGAIN|can't start new thread/i,
    cause: 'pids',
    text: (_, { container }) => {
      const limit = container.record.hostConfig.PidsLimit ?? 0;
      return `it could start no more processes or threads${limit > 0 ? `: it may have ${limit} (--pids-limit)` : ''}`;
    },
    advice: 'Raise --pids-limit (and --ulimit nproc, where it is set), or find what starts so many.',
  },
  {
    pattern: /Too many open files|\bEMFILE\b|\bENFILE\b/i,
    cause: 'files',
    text: (_, inquiry) => `it had as many files open as it may have${limitOf(inquiry, 'nofile')}`,
    advice: 'Raise --ulimit nofile=NUMBER, or find what does not close its files.',
  },
  {
    pattern: /Address (?:already )?in use|\bEADDRINUSE\b/i,
    cause: 'address-in-use',
    text: (_, { container }) =>
      `another program ${container.record.hostConfig.NetworkMode === 'host' ? 'of the host' : 'in its network namespace'} listens at its port already`,
    advice:
      'Have one of them listen at another port; on the network of the host `ss -ltnp` tells who has it.',
  },
  {
    pattern: /No space left on device|\bENOSPC\b|Disk quota exceeded|\bEDQUOT\b/i,
    cause: 'no-space',
    text: () => 'there was no room where it writes',
    advice: 'The answer about its writing tells which file system is full (--why write).',
  },
  {
    pattern: /Read-only file system|\bEROFS\b/i,
    cause: 'read-only',
    text: () => 'it may only read where it wants to write',
    advice: 'Give it a volume or a --tmpfs there, or start it without --read-only.',
  },
  {
    pattern: /Operation not permitted|\bEPERM\b|permission denied \(are you root\?\)/i,
    cause: 'not-permitted',
    text: () =>
      'the kernel refused it a privileged operation: it lacks a capability, or its seccomp profile does not allow it',
    advice:
      'See its confinement (`berth explain`), and give it the one capability that it needs (--cap-add) rather than --privileged.',
  },
  {
    pattern: /Permission denied|\bEACCES\b/i,
    cause: 'denied',
    text: (_, { container }) =>
      `its user (${container.record.config.User || 'root'}) may not use a file that it needs`,
    advice: 'See owner and mode of the file (chown, COPY --chown), or the user (--user).',
  },
  {
    pattern: /Connection refused|\bECONNREFUSED\b/i,
    cause: 'peer-refused',
    text: () => 'a service that it connects to did not listen (yet)',
    advice:
      'Start that service first (depends_on with condition: service_healthy), have the program try again, or restart it (--restart on-failure).',
  },
];

/** Why a program ended with an error, by the last lines that it wrote. Returns whether they tell. */
export async function lastWords(inquiry: Inquiry, lines: readonly string[], code: number): Promise<boolean> {
  if ((code === 126 || code === 127) && (await notExecutedByShell(inquiry, lines))) return true;
  for (const { pattern, cause, text, advice } of REASONS)
    for (const line of lines) {
      const found = pattern.exec(line);
      if (!found) continue;
      inquiry.answer(cause, `Its program ended with exit code ${code}: ${text(found, inquiry)}.`, advice);
      return true;
    }
  return false;
}

/**
 * A path with a colon behind it, as shells begin a complaint. The lookahead finds the slash once: programs write what they
 * like, and a pattern that tries each of a line of slashes takes minutes.
 */
const PATH = String.raw`(?:^|[\s:])(?=[^\s:/]*/[^\s:])([^\s:]+): `;

/** A shell's complaint about a command, and the kernel's reason that stands behind it. */
const COMPLAINTS: Array<[pattern: RegExp, error: string]> = [
  [new RegExp(`${PATH}(?:line )?1: .*ELF`), 'exec format error'],
  [new RegExp(`${PATH}.*(?:Exec format error|cannot execute binary file)`, 'i'), 'exec format error'],
  [new RegExp(`${PATH}.*Permission denied`, 'i'), 'permission denied'],
  [
    new RegExp(
      `${PATH}.*(?:not found|No such file or directory|bad interpreter|required file not found)`,
      'i',
    ),
    'no such file or directory',
  ],
];

/** The commands that a shell complains of in a line, each with the reason behind it. */
export function complaintsIn(line: string): Array<{ named: string; error: string }> {
  return COMPLAINTS.flatMap(([pattern, error]) => {
    const named = pattern.exec(line)?.[1];
    return named === undefined ? [] : [{ named, error }];
  });
}

const ENV = /\benv: (?:can't execute )?['"‘]?([^'"’:]+?)(\\r|\r)?['"’]?: No such file or directory/;

/** A program that a shell, or env, did not find or execute, is looked at: what they say hides the reason. */
async function notExecutedByShell(inquiry: Inquiry, lines: readonly string[]): Promise<boolean> {
  const { rooms, container } = inquiry;
  const { id, config } = container.record;
  for (const line of lines) {
    const byEnv = ENV.exec(line);
    if (byEnv) {
      inquiry.answer(
        'interpreter-missing',
        byEnv[2]
          ? `A script has line ends of Windows: env looks for an interpreter ${byEnv[1]} whose name ends in a carriage return.`
          : `The interpreter ${byEnv[1]}, which a script asks env for, is in no folder of its PATH.`,
        byEnv[2] ? 'Save the script with line ends of Unix.' : 'Install the interpreter in the image.',
      );
      return true;
    }
    if (/\.so\b/.test(line)) continue;
    for (const { named, error } of complaintsIn(line)) {
      const path = posix.resolve(config.WorkingDir || '/', named);
      // One that is not there is a command that was not found, as its code says.
      if (!(await lookInRoot(rooms, id, path))) continue;
      await whyNotExecuted(inquiry, error, path);
      return true;
    }
  }
  return false;
}
