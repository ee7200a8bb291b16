import { runsHere } from '../image.ts';
import type { Inquiry } from './inquiry.ts';
import { hiddenBy, noExecMount } from './mounts.ts';
import { lookInRoot, programKind } from './program.ts';

interface Failure {
  pattern: RegExp;
  cause: string;
  text: (found: RegExpExecArray) => string;
  advice: string;
}

/** Failed starts that say by themselves what was wrong. */
const FAILURES: Failure[] = [
  {
    pattern: /Bind for (\S+) failed: port is already allocated|(address already in use)/,
    cause: 'port-taken',
    text: ([, port]) =>
      `The port ${port ?? 'of the host that it publishes'} is in use by another container or program.`,
    advice: 'Publish another port (-p), or end who has it: `ss -ltnp` shows programs, `berth ps` containers.',
  },
  {
    pattern: /unable to find (user|group) ([^:]+)/,
    cause: 'user-missing',
    text: ([, kind, name]) =>
      `The image has no ${kind} ${name} in its /etc/${kind === 'user' ? 'passwd' : 'group'}.`,
    advice: 'Name one that the image has, or a number (--user).',
  },
  {
    pattern: /bind source path does not exist: (\S+)/,
    cause: 'mount-source',
    text: ([, path]) => `The folder ${path} that it mounts is not on the host.`,
    advice: 'Make the folder, or mount another one (-v makes a missing one).',
  },
  {
    pattern: /Are you trying to mount a directory onto a file/,
    cause: 'mount-kind',
    text: () => 'A folder is to be mounted where the image has a file, or a file where it has a folder.',
    advice: 'Mount a file over a file and a folder over a folder (-v, --mount).',
  },
  {
    pattern: /network (\S+) not found/,
    cause: 'network-missing',
    text: ([, name]) => `Its network ${name} is not there any more.`,
    advice: 'Create the network, or connect the container to another.',
  },
  {
    pattern: /error gathering device information while adding custom device "([^"]+)"/,
    cause: 'device',
    text: ([, path]) => `The device ${path} that it is to have is not on the host.`,
    advice: 'Correct the path (--device), load the driver’s module, or plug the device in.',
  },
  {
    pattern:
      /(?:open|write) \/proc\/sys\/(\S+): (no such file or directory|invalid argument|permission denied)/,
    cause: 'sysctl',
    text: ([, path, reason]) =>
      `The kernel did not take its setting ${path!.replaceAll('/', '.')} (--sysctl): ${reason}.`,
    advice: 'Correct the name or the value; a module that is not loaded has no settings.',
  },
  {
    pattern: /cannot join network of a non running container|joining network namespace of container/,
    cause: 'network-owner',
    text: () => 'The container whose network it shares does not run.',
    advice: 'Start that container first.',
  },
  {
    // The kernel's word for a cpuset without processors, and for too many groups, has nothing to do with a disk.
    pattern: /\/sys\/fs\/cgroup\/(\S+): no space left on device/i,
    cause: 'cgroup',
    text: ([, path]) =>
      `The kernel took no process into its control group (${path}): it is full, or has no processor.`,
    advice:
      'See `cpuset.cpus` and `cpuset.mems` of the group above (--cgroup-parent), and remove groups that are left over.',
  },
  {
    pattern: /no space left on device|\bENOSPC\b|disk quota exceeded|\bEDQUOT\b/i,
    cause: 'no-space',
    text: () => 'The disk of the engine’s data was full, or its quota used up, as it was started.',
    advice: 'Make room: `berth system df` shows what can go.',
  },
  {
    pattern: /could not select device driver/,
    cause: 'device',
    text: () => 'It asks for devices (--gpus) that this engine has no driver for.',
    advice: 'Give it the device files with --device.',
  },
];

/** Why a start failed: by its error, and by what the root has in the program's place. */
export async function whyNotStarted(inquiry: Inquiry): Promise<void> {
  const { state, record } = inquiry.container;
  const { error } = state;
  inquiry.saw('the error of its start', error);
  if (/exec format error|exec: "|executable file not found|\bexec\b.*no such file/.test(error))
    return whyNotExecuted(inquiry, error);
  for (const { pattern, cause, text, advice } of FAILURES) {
    const found = pattern.exec(error);
    if (found) return inquiry.answer(cause, text(found), advice);
  }
  inquiry.answer(
    'start',
    `Its start failed: ${error.replace(/^failed to create task for container: .*?start container process: /, '')}`,
    `The error names the step; \`berth inspect ${record.name}\` shows what was asked for.`,
  );
}

/** Why the kernel did not execute the program, by the error and by what the root has in its place. */
export async function whyNotExecuted(
  inquiry: Inquiry,
  error: string,
  path = inquiry.container.record.path,
): Promise<void> {
  const { rooms, container } = inquiry;
  const { id, imageId } = container.record;
  if (/executable file not found/.test(error)) {
    inquiry.answer(
      'entrypoint-missing',
      `Its program ${JSON.stringify(path)} is in no folder of its PATH.`,
      'Correct the name, give the whole path, or install it in the image.',
    );
    return;
  }
  const found = path.startsWith('/') ? await lookInRoot(rooms, id, path) : undefined;
  inquiry.looked('the program in its root');
  const program = found && !found.folder ? programKind(found.head) : undefined;
  const architecture = rooms.images.get(imageId)?.config.architecture ?? '';
  if (program?.kind === 'elf') inquiry.saw('the program in its root', `a program for ${program.machine}`);
  if (program?.kind === 'script')
    inquiry.saw('the program in its root', `a script for ${JSON.stringify(program.interpreter)}`);
  if (/exec format error/.test(error)) {
    inquiry.saw('the image', `for ${architecture}; this machine is ${process.arch}`);
    const other = (program?.kind === 'elf' && !runsHere(program.machine)) || !runsHere(architecture);
    if (other)
      inquiry.answer(
        'architecture',
        `Its program is for another processor (${program?.kind === 'elf' ? program.machine : architecture}).`,
        'Pull the image for this machine (--platform), or install emulation (binfmt_misc with qemu).',
      );
    else
      inquiry.answer(
        'no-interpreter',
        'Its program is neither a program of this machine nor a script whose first line names an interpreter.',
        'Begin the script with #! and its interpreter, or start it by its shell.',
      );
    return;
  }
  if (/permission denied/.test(error)) {
    if (notForPrograms(inquiry, path)) return;
    if (found) inquiry.saw('its mode', found.mode.toString(8));
    const interpreter = program?.kind === 'script' && ((found?.mode ?? 0) & 0o111) !== 0;
    inquiry.answer(
      'not-executable',
      found?.folder
        ? `${path} is a folder, not a program.`
        : interpreter
          ? `The interpreter of the script ${path}, ${program.interpreter}, is a folder or not executable for its user.`
          : `${path} is not executable for its user.`,
      interpreter
        ? 'Correct the first line of the script, or make the interpreter executable.'
        : 'Make it executable in the image (chmod +x, COPY --chmod=755).',
    );
    return;
  }
  if (program?.kind === 'script') {
    const carriage = program.interpreter.endsWith('\r');
    inquiry.answer(
      'interpreter-missing',
      carriage
        ? `${path} has line ends of Windows: the kernel looks for an interpreter whose name ends in a carriage return.`
        : `The interpreter of the script ${path}, ${program.interpreter}, is not in the image.`,
      carriage ? 'Save the script with line ends of Unix.' : 'Install the interpreter in the image.',
    );
    return;
  }
  if (program?.kind === 'elf') {
    inquiry.answer(
      'loader-missing',
      `${path} is there; the loader of its libraries is not: it was built for another C library (glibc, musl).`,
      'Link it statically, or base the image on the system that it was built on.',
    );
    return;
  }
  const hidden = path.startsWith('/') ? hiddenBy(container, path) : '';
  inquiry.answer(
    'entrypoint-missing',
    hidden === '' ? `Its program ${path} is not in the image.` : `Its program ${path} is not there${hidden}.`,
    hidden === ''
      ? 'Correct the path, or copy the program into the image.'
      : 'Mount it elsewhere, or put the program into what is mounted.',
  );
}

/** Whether a program is on a mount that nothing is executed from, which is the answer then. */
export function notForPrograms(inquiry: Inquiry, path: string): boolean {
  const mount = noExecMount(inquiry.container, path);
  if (!mount) return false;
  const memory = mount.Source === '';
  inquiry.saw('its mounts', `${mount.Destination} has the option noexec`);
  inquiry.answer(
    'noexec',
    `${path} is on ${mount.Destination}, which is mounted so that no program is executed from it (noexec).`,
    memory
      ? 'Mount it with the option exec (--tmpfs PATH:exec), or keep programs elsewhere.'
      : `Mount the file system of ${mount.Source} without noexec on the host, or keep programs elsewhere.`,
  );
  return true;
}
