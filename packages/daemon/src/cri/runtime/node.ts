import { isIP } from 'node:net';
import { log } from '../../base/log.ts';
import { VERSION } from '../../base/version.ts';
import { ranges, text } from '../checks.ts';
import type { Rooms } from '../context.ts';
import type { Message } from '../messages.ts';
import { handlers } from './handlers.ts';

/** The version of this interface's messages. */
const API = 'v1';

/**
 * Answers Version. `version` is that of the kubelet's own runtime API, which has been 0.1.0 ever since.
 * @throws invalid-parameter
 */
export async function version(_rooms: Rooms, request: Message): Promise<Message> {
  text(request['version'], 'version', 64);
  return { version: '0.1.0', runtime_name: 'berth', runtime_version: VERSION, runtime_api_version: API };
}

/**
 * Answers Status: whether pods can be run and have a network, the runtime handlers and features; `verbose` adds settings as
 * JSON.
 */
export async function status(rooms: Rooms, request: Message): Promise<Message> {
  const network = await rooms.pods.networkStatus();
  return {
    status: {
      conditions: [
        { type: 'RuntimeReady', status: true, reason: '', message: '' },
        { type: 'NetworkReady', status: network.ready, reason: network.reason, message: network.message },
      ],
    },
    info:
      request['verbose'] === true
        ? {
            config: JSON.stringify({
              cgroupDriver: rooms.runtime.cgroupDriver,
              network: rooms.settings.criNetwork,
              cniConfDir: rooms.settings.cniConfDir,
              dataRoot: rooms.settings.dataRoot,
            }),
          }
        : {},
    runtime_handlers: handlers(rooms),
    features: { supplemental_groups_policy: true },
  };
}

const DRIVERS = { systemd: 0, cgroupfs: 1 } as const;

/** Answers RuntimeConfig with the cgroup driver, which the kubelet uses as well. */
export async function runtimeConfig(rooms: Rooms): Promise<Message> {
  return { linux: { cgroup_driver: DRIVERS[rooms.runtime.cgroupDriver] } };
}

/**
 * The range that a cluster gives this node. Addresses of pods come from their network's own configuration, so one that has
 * others can only be told of.
 */
export async function updateRuntimeConfig(rooms: Rooms, request: Message): Promise<Message> {
  const config = (request['runtime_config'] as Message | null)?.['network_config'] as Message | null;
  const field = 'runtime_config.network_config.pod_cidr';
  const own = ranges(config?.['pod_cidr'], field);
  const other = rooms.pods
    .all()
    .flatMap(({ addresses }) => addresses)
    .find((address) => own && !own.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4'));
  if (other)
    log.warn(
      { podCIDR: config?.['pod_cidr'], address: other },
      'pods have addresses outside of the range that the cluster gives this node; set --bip (or the configuration of the CNI plugins) to that range',
    );
  return {};
}
