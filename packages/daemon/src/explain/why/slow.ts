import { setTimeout as sleep } from 'node:timers/promises';
import type { CgroupView } from '../../runtime/api.ts';
import { readBeginning, statusField } from '../facts/proc.ts';
import type { Inquiry } from './inquiry.ts';
import { stopped } from './stopped.ts';

/** Between the two looks, in milliseconds. */
const BETWEEN = 400;
const MOST_PROCESSES = 256;
/** Shares beyond which something is told. */
const THROTTLED = 0.2;
const NEAR_LIMIT = 0.9;
const PRESSURE = 10; // percent of ten seconds
const CONTENDED = 0.5;

interface Look {
  view: CgroupView;
  /** Nanoseconds that its processes were ready to run and had no processor. */
  waited: number;
  /** Processes that wait for a disk. */
  blocked: number;
  /** Processes that run or are ready to. */
  ready: number;
  at: number;
}

/** Why a container is slow: from two looks at what it uses and waits for. */
export async function whySlow(inquiry: Inquiry): Promise<void> {
  const { rooms, container } = inquiry;
  const { id } = container.record;
  inquiry.looked('its state');
  if (container.state.status === 'paused') {
    inquiry.saw('its state', 'paused');
    inquiry.answer('paused', 'It is paused: nothing in it runs.', '`berth unpause` lets it go on.');
    return;
  }
  if (container.state.status !== 'running') return;
  const look = async (): Promise<Look> => {
    const [view, pids] = await Promise.all([rooms.runtime.view(id), rooms.runtime.processes(id)]);
    return { view, ...waits(pids), at: performance.now() };
  };
  if (stopped(inquiry, 'Its first process is stopped by a signal (SIGSTOP) and does nothing.')) return;
  for (const source of ['throttling', 'memory', 'processes', 'disks', 'waiting for a processor'])
    inquiry.looked(`its ${source}`);
  try {
    const before = await look();
    // What would be told of shows in the first look; most containers have nothing of it, and are answered at once.
    if (!suspicious(before)) return;
    await sleep(BETWEEN);
    judge(inquiry, before, await look());
  } catch {
    inquiry.looked('its cgroup, which is gone');
  }
}

/** Whether a second look can find a reason: without a process that wants to run, a limit that was met or pressure it cannot. */
function suspicious({ view, blocked, ready }: Look): boolean {
  const { Cpu, Memory, Pids, Pressure, PressureOf } = view;
  const pressed =
    PressureOf === 'container' &&
    [Pressure.Cpu, Pressure.Memory, Pressure.Io].some((one) => (one?.Some.Avg10 ?? 0) > 0);
  return (
    pressed ||
    ready > 0 ||
    blocked > 0 ||
    (Cpu.Limit !== null && Cpu.Throttled > 0) ||
    (Memory.Limit !== null && Memory.Usage / Memory.Limit >= NEAR_LIMIT) ||
    (Pids.Limit !== null && Pids.Usage >= Pids.Limit)
  );
}

function waits(pids: readonly number[]): Pick<Look, 'waited' | 'blocked' | 'ready'> {
  let waited = 0;
  let blocked = 0;
  let ready = 0;
  for (const pid of pids.slice(0, MOST_PROCESSES)) {
    waited += Number((readBeginning(`/proc/${pid}/schedstat`) ?? '').split(' ')[1] ?? 0) || 0;
    const state = statusField(readBeginning(`/proc/${pid}/status`) ?? '', 'State');
    if (state.startsWith('D')) blocked += 1;
    if (state.startsWith('R')) ready += 1;
  }
  return { waited, blocked, ready };
}

function judge(inquiry: Inquiry, before: Look, after: Look): void {
  const throttled = throttling(inquiry, before.view, after.view);
  const short = memory(inquiry, before.view, after.view);
  const { Pids } = after.view;
  if (Pids.Limit !== null && Pids.Usage >= Pids.Limit) {
    inquiry.saw('its processes', `${Pids.Usage} of ${Pids.Limit}, ${Pids.LimitHits} refused`);
    inquiry.answer(
      'pids',
      `It has as many processes and threads as it may have (${Pids.Limit}): new ones are refused.`,
      'Raise --pids-limit, or find what starts so many.',
    );
  }
  disks(inquiry, before, after, short);
  const share = (after.waited - before.waited) / 1e6 / (after.at - before.at);
  if (!throttled && share > CONTENDED) {
    inquiry.saw(
      'its waiting for a processor',
      `${Math.round(share * 100)}% of the time, all processes together`,
    );
    const { CpusetCpus } = inquiry.container.record.hostConfig;
    if (CpusetCpus) inquiry.saw('its settings', `--cpuset-cpus ${CpusetCpus}`);
    inquiry.answer(
      'cpu-contended',
      CpusetCpus
        ? `Its processes are ready to run and wait for the processors that they may use (${CpusetCpus}), which others or its own use.`
        : 'Its processes are ready to run and wait for processors that others use.',
      `${CpusetCpus ? 'Let it use more processors (--cpuset-cpus), give' : 'Give'} it a larger share (--cpu-shares), limit the others (--cpus), or use a larger machine.`,
    );
  }
}

function throttling(inquiry: Inquiry, { Cpu: before }: CgroupView, { Cpu: after }: CgroupView): boolean {
  const periods = after.Periods - before.Periods;
  const throttled = after.Throttled - before.Throttled;
  if (after.Limit === null || periods < 1 || throttled / periods <= THROTTLED) return false;
  inquiry.saw(
    'its throttling',
    `stopped in ${throttled} of the last ${periods} periods, ${after.Throttled} of ${after.Periods} in all`,
  );
  inquiry.answer(
    'throttled',
    `It uses all of its processor time (${after.Limit} processors) and is stopped for the rest of each period.`,
    'Raise its limit (`berth update --cpus`), or have it do less.',
  );
  return true;
}

/** Returns whether it is short of memory. */
function memory(inquiry: Inquiry, before: CgroupView, after: CgroupView): boolean {
  const { Limit, Usage, LimitHits, MajorFaults } = after.Memory;
  if (Limit === null) return false;
  const hits = LimitHits - before.Memory.LimitHits;
  const full = after.PressureOf === 'container' ? (after.Pressure.Memory?.Some.Avg10 ?? 0) : 0;
  if (Usage / Limit < NEAR_LIMIT || (hits < 5 && full < PRESSURE)) return false;
  inquiry.saw(
    'its memory',
    `${Usage} of ${Limit} bytes, met the limit ${hits} times between two looks, ${MajorFaults - before.Memory.MajorFaults} pages read from a disk`,
  );
  if (full > 0) inquiry.saw('its memory pressure', `${full}% of the last 10 seconds`);
  inquiry.answer(
    'memory',
    'It has as much memory as it may have, and spends its time making room for more.',
    'Raise its limit (`berth update --memory`), or have it use less.',
  );
  return true;
}

function disks(inquiry: Inquiry, before: Look, after: Look, shortOfMemory: boolean): void {
  const { hostConfig } = inquiry.container.record;
  const limits = [
    ...(hostConfig.BlkioDeviceReadBps ?? []),
    ...(hostConfig.BlkioDeviceWriteBps ?? []),
    ...(hostConfig.BlkioDeviceReadIOps ?? []),
    ...(hostConfig.BlkioDeviceWriteIOps ?? []),
  ];
  const pressure = after.view.PressureOf === 'container' ? (after.view.Pressure.Io?.Some.Avg10 ?? 0) : 0;
  if (pressure < PRESSURE && !(before.blocked > 0 && after.blocked > 0)) return;
  const [limit] = limits;
  // It reads again what it had no memory to keep: a consequence, and no cause of its own.
  if (shortOfMemory && !limit) return;
  inquiry.saw('its disks', `${after.blocked} processes wait for a disk`);
  if (pressure > 0) inquiry.saw('its disk pressure', `${pressure}% of the last 10 seconds`);
  if (limit) inquiry.saw('its disk limits', `${limit.Path}: ${limit.Rate} a second`);
  inquiry.answer(
    limit ? 'disk-limit' : 'disk',
    limit
      ? `It waits for disks, whose use is limited (${limit.Path}: ${limit.Rate} a second).`
      : 'It waits for disks.',
    limit
      ? 'Raise the limit (--device-read-bps and its kin).'
      : 'Find who uses the disk; a volume on a faster one helps.',
  );
}
