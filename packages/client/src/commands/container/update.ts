import { CliError, messageOf } from '../../base/errors.ts';
import { int, string, uint16 } from '../../base/flags.ts';
import { atLeast, command } from '../../cli/command.ts';
import { bytes, decimal, swapBytes } from '../../parse/container-flags.ts';
import { parseRestartPolicy } from '../../parse/limits.ts';

export default command({
  use: '[OPTIONS] CONTAINER [CONTAINER...]',
  about: 'Change the limits of containers',
  aliases: ['berth container update', 'berth update'],
  args: atLeast(1),
  flags: {
    'blkio-weight': uint16('', 'Relative weight of block IO, 10 to 1000, or 0 for none'),
    'cpu-period': int('', 'Period of the CPU quota in microseconds'),
    'cpu-quota': int('', 'CPU time per period in microseconds'),
    'cpu-rt-period': int('', 'Period of real-time CPU in microseconds'),
    'cpu-rt-runtime': int('', 'Real-time CPU per period in microseconds'),
    'cpu-shares': int('c', 'Relative weight of CPU'),
    cpus: decimal('', 'Number of CPUs, such as 1.5'),
    'cpuset-cpus': string('', 'CPUs to run on (0-3, 0,1)'),
    'cpuset-mems': string('', 'Memory nodes to use (0-3, 0,1)'),
    'kernel-memory': { ...bytes('', 'Limit of kernel memory'), hidden: true },
    memory: bytes('m', 'Limit of memory'),
    'memory-reservation': bytes('', 'Soft limit of memory'),
    'memory-swap': swapBytes('', "Limit of memory and swap together: '-1' for unlimited swap"),
    'pids-limit': int('', 'Limit of processes and threads (-1 for none)'),
    restart: string('', 'What to do when the container exits'),
  },
  async run({ cli, flags, given, args }) {
    if (given.size === 0) throw new CliError('you must provide one or more flags when using this command');
    let restart: { Name: string; MaximumRetryCount: number };
    try {
      restart = parseRestartPolicy(flags.restart);
    } catch (error) {
      throw new CliError(messageOf(error));
    }
    const body = {
      BlkioWeight: flags['blkio-weight'],
      CpuPeriod: flags['cpu-period'],
      CpuQuota: flags['cpu-quota'],
      CpuRealtimePeriod: flags['cpu-rt-period'],
      CpuRealtimeRuntime: flags['cpu-rt-runtime'],
      CpuShares: flags['cpu-shares'],
      NanoCpus: flags.cpus,
      CpusetCpus: flags['cpuset-cpus'],
      CpusetMems: flags['cpuset-mems'],
      Memory: flags.memory,
      MemoryReservation: flags['memory-reservation'],
      MemorySwap: flags['memory-swap'],
      PidsLimit: given.has('pids-limit') ? flags['pids-limit'] : undefined,
      RestartPolicy: restart,
    };
    const api = await cli.api();
    const warnings: string[] = [];
    const failures: string[] = [];
    for (const name of args)
      try {
        const answer = await api.json<'ContainerUpdate'>('POST', `/containers/${name}/update`, {
          body,
        });
        cli.print(`${name}\n`);
        warnings.push(...(answer.Warnings ?? []));
      } catch (error) {
        failures.push(messageOf(error));
      }
    if (warnings.length) cli.print(`${warnings.join('\n')}\n`);
    if (failures.length) throw new CliError(failures.join('\n'));
  },
});
