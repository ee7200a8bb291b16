import { NEVER, parseRfc3339 } from '../../base/time.ts';
import { FAULTS, meaningOf, signalOf } from './exit-codes.ts';
import type { Inquiry } from './inquiry.ts';
import { lastWords } from './last-words.ts';
import { type OomKill, oomKills } from './oom.ts';
import { restarts, whyRestarted } from './restarts.ts';
import { whyNotExecuted, whyNotStarted } from './start.ts';

const mebibytes = (bytes: number) => `${Math.round(bytes / 1048576)} MiB`;
const RETRIES = 3;
const EXEC_FAILED = /^exec \/\S+: (?:exec format error|no such file or directory|permission denied)$/;

/** Why a container ended, or did not start. */
export async function whyEnded(inquiry: Inquiry): Promise<void> {
  const { state, record } = inquiry.container;
  inquiry.looked('its state');
  const again = restarts(inquiry);
  if (state.status === 'running' || state.status === 'paused')
    return again && whyRestarted(inquiry, again) ? undefined : killedWithin(inquiry);
  if (state.error !== '') return whyNotStarted(inquiry);
  if (state.startedAt === NEVER) return neverStarted(inquiry);
  inquiry.saw('its state', `exit code ${state.exitCode} at ${state.finishedAt}`);
  if (state.lost && !state.manuallyStopped) return lost(inquiry);
  if (state.oomKilled) return whyOom(inquiry);
  if (wasUnhealthy(inquiry)) return;
  const signal = signalOf(state.exitCode);
  if (state.manuallyStopped) return stopped(inquiry, signal);
  if (signal) return bySignal(inquiry, signal);
  const last = (await inquiry.log()).slice(-3);
  if (last.length > 0) inquiry.saw('the end of its log', last.join(' | '));
  // The set-up was over when the kernel refused the program: that is told by the container itself.
  const refused = last.find((line) => EXEC_FAILED.test(line));
  if (state.exitCode !== 0 && refused) return whyNotExecuted(inquiry, refused);
  if (state.exitCode !== 0 && (await lastWords(inquiry, last, state.exitCode))) return;
  if (state.exitCode !== 0) {
    inquiry.answer(
      state.exitCode === 127 ? 'command-missing' : state.exitCode === 126 ? 'not-executable' : 'code',
      `Its program ended by itself with exit code ${state.exitCode}: ${meaningOf(state.exitCode)}.`,
      'The end of its log says more; `berth logs` shows all of it.',
    );
    return;
  }
  const shell = /^(?:\/\S*\/)?(?:ba|da|a|z)?sh$/.test(record.path) && record.args.length === 0;
  if (shell && !record.config.OpenStdin)
    inquiry.answer(
      'no-input',
      'Its program is a shell without input, which has nothing to do and ends at once.',
      'Start it with -it for a terminal, or give it a command.',
    );
  else
    inquiry.answer(
      'done',
      'Its program did its work and ended with exit code 0.',
      'If it was to go on: a container ends with its first program, also where that leaves a service in the background. Start the service in the foreground.',
    );
}

/** One that was made and not started, which is told when it is asked for. */
function neverStarted(inquiry: Inquiry): void {
  const { state, record } = inquiry.container;
  if (state.status !== 'created' || !inquiry.explicit) return;
  inquiry.saw('its state', `created at ${record.created}, never started`);
  inquiry.answer(
    'never-started',
    'It was made and never started.',
    `\`berth start ${record.name}\` starts it.`,
  );
}

/** The last kill for memory that the kernel's log tells of in a container, which becomes evidence; `more` is said of it. */
async function oomKill(inquiry: Inquiry, more: (kill: OomKill) => string): Promise<OomKill | undefined> {
  const { record, state } = inquiry.container;
  inquiry.saw('the OOM counter of its cgroup', `${state.oomKills ?? 1} killed`);
  inquiry.looked('the kernel log');
  const [kill] = await oomKills(record.id);
  if (kill)
    inquiry.saw(
      'the kernel log',
      `${kill.constraint}: killed ${kill.task} (process ${kill.pid})${more(kill)}`,
    );
  return kill;
}

/** One that runs, of which the kernel has killed a process that was not its first. */
async function killedWithin(inquiry: Inquiry): Promise<void> {
  const { record, state } = inquiry.container;
  if (!state.oomKilled) return;
  const kill = await oomKill(inquiry, () => '');
  inquiry.answer(
    'child-oom',
    `It runs; for want of memory the kernel killed ${kill ? `${kill.task} (process ${kill.pid} of the host)` : 'a process'} in it, which was not its first.`,
    record.hostConfig.Memory > 0
      ? `Give it more memory than ${mebibytes(record.hostConfig.Memory)} (\`berth update --memory\`), or have the program use less.`
      : 'Limit the memory of what else runs, or give the machine more.',
  );
}

/** One whose supervisor went without a word: nobody knows its exit code. */
function lost(inquiry: Inquiry): void {
  inquiry.looked('the log of the engine');
  inquiry.answer(
    'lost',
    'It ended together with its supervisor, or with the machine: its own exit code is not known, and is shown as 255.',
    'See whether the machine was restarted then (`last -x reboot`), and who ends processes of the engine (`journalctl`, the OOM killer).',
  );
}

async function whyOom(inquiry: Inquiry): Promise<void> {
  const { record, state } = inquiry.container;
  const limit = record.hostConfig.Memory;
  const kill = await oomKill(inquiry, ({ limited }) => `, limit of ${limited}`);
  if (limit > 0) inquiry.saw('its memory limit', mebibytes(limit));
  const who = kill ? `${kill.task} (process ${kill.pid} of the host)` : 'a process of it';
  const where =
    kill && kill.constraint !== 'CONSTRAINT_MEMCG'
      ? 'because the machine was out of memory'
      : limit > 0
        ? `because the container met its memory limit of ${mebibytes(limit)}`
        : 'because a memory limit above the container was met';
  inquiry.answer(
    'oom',
    `The kernel killed ${who} ${where}; the container ended with ${state.exitCode}.`,
    limit > 0
      ? 'Give it more memory (--memory, or `berth update --memory`), or have the program use less.'
      : 'Limit the memory of what else runs, or give the machine more.',
  );
}

/** One whose health check failed when it was ended: by who looks after it, or by the check itself. */
function wasUnhealthy(inquiry: Inquiry): boolean {
  const { record, state, health } = inquiry.container;
  const check = record.config.Healthcheck;
  inquiry.looked('its health check');
  if (!check?.Test || state.exitCode < 128) return false;
  const failing = (health?.FailingStreak ?? 0) >= (check.Retries || RETRIES);
  const kills = !state.manuallyStopped && /\bkill\b/.test(check.Test.join(' '));
  if (!failing && !kills) return false;
  const last = health?.Log.at(-1);
  inquiry.saw('its health check', check.Test.join(' '));
  if (last) inquiry.saw('the last check', `exit code ${last.ExitCode}: ${last.Output.trim()}`);
  if (health) inquiry.saw('failing checks in a row', String(health.FailingStreak));
  inquiry.answer(
    'unhealthy',
    kills && !state.manuallyStopped
      ? `Its health check ends the program when it fails; it ended with ${state.exitCode}.`
      : `It was stopped while its health check failed (${health!.FailingStreak} times in a row).`,
    'See what the check says; if the program is only slow to start, give it a start period (--health-start-period).',
  );
  return true;
}

function stopped(inquiry: Inquiry, signal: string | undefined): void {
  const { record, state } = inquiry.container;
  const kills = inquiry.rooms.events
    .history()
    .filter(({ Action, Actor }) => Actor.ID === record.id && Action === 'kill')
    .map(({ Actor }) => Actor.Attributes['signal'] ?? '');
  if (kills.length > 0) inquiry.saw('events', `kill with signal ${kills.join(', then ')}`);
  const late = signal === 'SIGKILL' && kills.length > 1;
  inquiry.answer(
    'stopped',
    late
      ? 'It was stopped by a request; it did not end at its stop signal in time and was killed.'
      : `It was ${signal === 'SIGKILL' ? 'killed' : 'stopped'} by a request to the engine; it ended with ${state.exitCode}.`,
    late
      ? 'Let the program handle its stop signal, run it with --init, or give it more time (--stop-timeout).'
      : '',
  );
}

/** Limits of a user (setrlimit(2)) that the kernel keeps by a signal. SIGKILL is that of the hard one of time. */
const LIMITS_OF_SIGNALS: Record<string, { name: string; text: string }> = {
  SIGXFSZ: { name: 'fsize', text: 'a file became larger than one may be' },
  SIGXCPU: { name: 'cpu', text: 'it used up the seconds of a processor that it may have' },
  SIGKILL: { name: 'cpu', text: 'it used up the seconds of a processor that it may have' },
};

/** Whether the signal is that of a limit which the container has, which is the answer then. */
function byUserLimit(inquiry: Inquiry, signal: string): boolean {
  const { record, state } = inquiry.container;
  const { name, text } = LIMITS_OF_SIGNALS[signal] ?? {};
  const limit = record.hostConfig.Ulimits?.find((one) => one.Name === name);
  if (!name || !limit) return false;
  const ran =
    Number((parseRfc3339(state.finishedAt) ?? 0n) - (parseRfc3339(state.startedAt) ?? 0n)) / 1_000_000_000;
  if (signal === 'SIGKILL' && ran < limit.Hard) return false;
  inquiry.saw('its limits', `--ulimit ${name}=${limit.Soft}:${limit.Hard}`);
  inquiry.answer(
    'ulimit',
    `The kernel ended it with ${signal}: ${text}, which is ${signal === 'SIGKILL' ? limit.Hard : limit.Soft} (--ulimit ${name}).`,
    `Raise --ulimit ${name}, or have it do less.`,
  );
  return true;
}

async function bySignal(inquiry: Inquiry, signal: string): Promise<void> {
  const { record } = inquiry.container;
  const fault = FAULTS[signal];
  if (fault) {
    const last = (await inquiry.log()).slice(-3);
    if (last.length > 0) inquiry.saw('the end of its log', last.join(' | '));
    // A program that gives up by itself tells why before.
    if (signal === 'SIGABRT' && (await lastWords(inquiry, last, inquiry.container.state.exitCode))) return;
    inquiry.answer(
      'fault',
      `The kernel ended its program with ${signal}: ${fault}.`,
      signal === 'SIGBUS'
        ? `Give it a larger /dev/shm if it shares memory there (--shm-size; it is ${mebibytes(record.hostConfig.ShmSize)} now); else that is a fault of the program, or a file that was cut while it used it.`
        : 'That is a fault of the program, or of its image on this processor.',
    );
    return;
  }
  if (byUserLimit(inquiry, signal)) return;
  inquiry.looked('the kernel log');
  const [kill] = signal === 'SIGKILL' ? await oomKills(record.id) : [];
  if (kill) inquiry.saw('the kernel log', `killed ${kill.task} (process ${kill.pid}) for memory`);
  inquiry.looked('events');
  inquiry.answer(
    kill ? 'oom' : 'signal',
    kill
      ? `The kernel killed ${kill.task} for memory.`
      : `A ${signal} ended it that came neither from this engine nor from the OOM killer: from a process on the host or in the container.`,
    kill ? 'Give it more memory (--memory).' : '',
  );
}
