import type { RequestOf } from '@berth/api-spec';
import { CliError, messageOf } from '../../base/errors.ts';
import { list, string } from '../../base/flags.ts';
import { atLeast, command } from '../../cli/command.ts';
import { bytes, containerFlags, limitFlags } from '../../parse/container-flags.ts';
import { toMap } from '../../parse/environment.ts';
import { parseRestartPolicy } from '../../parse/limits.ts';
import { parsePorts } from '../../parse/ports.ts';

type UpdateRequest = RequestOf<'ContainerUpdate'>;

export default command({
  use: '[OPTIONS] CONTAINER [CONTAINER...]',
  about: 'Change the limits and settings of containers',
  aliases: ['berth container update', 'berth update'],
  args: atLeast(1),
  flags: {
    ...limitFlags,
    'kernel-memory': { ...bytes('', 'Limit of kernel memory'), hidden: true },
    'env-add': {
      ...containerFlags.env,
      short: '',
      help: 'Add or change a variable, for execs now and for the next start',
    },
    'env-rm': list('', 'Remove a variable'),
    'label-add': { ...containerFlags.label, short: '', help: 'Add or change a label' },
    'label-rm': list('', 'Remove a label'),
    'log-driver': string('', 'Where the output goes from now on'),
    'log-opt': list('', 'Option of the log driver, from now on'),
    'mount-add': { ...containerFlags.mount, help: 'Attach a mount, at once where it is a bind or a volume' },
    'mount-rm': list('', 'Take the mount at a path away'),
    'publish-add': {
      ...containerFlags.publish,
      short: '',
      help: 'Publish a port of the container, in place of how it is published',
    },
    'publish-rm': list('', 'Publish a port of the container no more: port[/protocol]'),
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
      ...settings(flags),
    };
    const api = await cli.api();
    const warnings: string[] = [];
    const waiting: string[] = [];
    const failures: string[] = [];
    for (const name of args)
      try {
        const answer = await api.json<'ContainerUpdate'>('POST', `/containers/${name}/update`, {
          body,
        });
        cli.print(`${name}\n`);
        warnings.push(...(answer.Warnings ?? []));
        if (answer.AfterRestart?.length)
          waiting.push(`${name}: ${answer.AfterRestart.join(' and ')} will hold when it is started again`);
      } catch (error) {
        failures.push(messageOf(error));
      }
    if (waiting.length) cli.print(`${waiting.join('\n')}\n`);
    if (warnings.length) cli.print(`${warnings.join('\n')}\n`);
    if (failures.length) throw new CliError(failures.join('\n'));
  },
});

interface SettingsFlags {
  'env-add': string[];
  'env-rm': string[];
  'label-add': string[];
  'label-rm': string[];
  'log-driver': string;
  'log-opt': string[];
  'mount-add': NonNullable<UpdateRequest['Mounts']>;
  'mount-rm': string[];
  'publish-add': string[];
  'publish-rm': string[];
}

/** The members of the request that are not of Docker, as far as flags name them. */
function settings(flags: SettingsFlags): Partial<UpdateRequest> {
  const bindings = parsePorts(flags['publish-add'], []).bindings as NonNullable<
    UpdateRequest['PortBindings']
  >;
  for (const port of flags['publish-rm']) bindings[port.includes('/') ? port : `${port}/tcp`] = [];
  const any = (list: readonly unknown[]) => list.length > 0;
  const log = flags['log-driver'] !== '' || any(flags['log-opt']);
  return {
    ...(any(flags['env-add']) && { Env: toMap(flags['env-add']) }),
    ...(any(flags['env-rm']) && { RemovedEnv: flags['env-rm'] }),
    ...(any(flags['label-add']) && { Labels: toMap(flags['label-add']) }),
    ...(any(flags['label-rm']) && { RemovedLabels: flags['label-rm'] }),
    ...(Object.keys(bindings).length > 0 && { PortBindings: bindings }),
    ...(any(flags['mount-add']) && { Mounts: flags['mount-add'] }),
    ...(any(flags['mount-rm']) && { RemovedMounts: flags['mount-rm'] }),
    ...(log && { LogConfig: { Type: flags['log-driver'], Config: toMap(flags['log-opt']) } }),
  };
}
