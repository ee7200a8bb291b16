import type { HealthLogEntry } from '../../containers/api.ts';
import type { Inquiry } from './inquiry.ts';

const RETRIES = 3;
/** What the engine writes for a check that ran out of time. */
const LATE = /Health check exceeded timeout/;
const MISSING =
  /(?:^|[\s:'"])([\w./-]+)['"]?: (?:command )?not found|exec: "([^"]+)"|can't open '?([^\s':]+)'?: No such file/;
const REFUSED = /Connection refused|ECONNREFUSED|Failed to connect|Could not connect/i;

/** Why a container is unhealthy: by what its checks say. Those of a program that ended are no reason any more. */
export async function whyUnhealthy(inquiry: Inquiry): Promise<void> {
  const { record, state, health } = inquiry.container;
  inquiry.looked('its health check');
  const check = record.config.Healthcheck;
  if (!health || !check?.Test || state.pid === 0) return;
  const last = health.Log.at(-1);
  if (health.Status === 'healthy' || !last || last.ExitCode === 0) return;
  inquiry.saw('its health check', check.Test.join(' '));
  inquiry.saw('the last check', `exit code ${last.ExitCode}: ${last.Output.trim()}`);
  inquiry.saw('failing checks in a row', `${health.FailingStreak} of ${check.Retries || RETRIES}`);
  const sure = health.Status === 'unhealthy';
  const [cause, text, advice] = reasonOf(last);
  inquiry.answer(cause, `${sure ? 'It is unhealthy' : 'Its health checks fail so far'}: ${text}.`, advice, {
    sure,
  });
}

function reasonOf({ ExitCode, Output }: HealthLogEntry): [cause: string, text: string, advice: string] {
  if (LATE.test(Output))
    return [
      'timeout',
      'the check does not end in time and is killed',
      'Have the check be quicker, or give it more time (--health-timeout).',
    ];
  const missing = MISSING.exec(Output.slice(0, LONGEST));
  const program = missing?.slice(1).find((one) => one !== undefined);
  if (program && (ExitCode === 127 || ExitCode < 0 || ExitCode === 1 || ExitCode === 2))
    return [
      'check-missing',
      `the check needs ${program}, which is not in the image`,
      'Install it in the image, or check by a program that it has (`wget` of busybox, the server itself).',
    ];
  if (REFUSED.test(Output))
    return [
      'peer-refused',
      'the check is not let in: nothing listens where it connects to',
      'Correct its address and port, which are those inside the container, or see why the program does not listen (--why reach).',
    ];
  return [
    'failing',
    `the check ends with exit code ${ExitCode}`,
    'Run it by hand: `berth exec`; if the program is only slow to start, give it a start period (--health-start-period).',
  ];
}

/** Characters of a check's output that are looked at. */
const LONGEST = 4096;
