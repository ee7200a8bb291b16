import { invalidParameter, notFound, unavailable, unsupported } from '../../base/errors.ts';
import type { Server } from '../api.ts';

/** dockerd's words for whoever asks for something of a swarm's outside of one. */
export const NOT_A_MANAGER =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

/** Operations that every engine outside of a swarm answers alike. */
const MANAGER_ONLY = [
  'SwarmInspect',
  'SwarmUpdate',
  'SwarmUnlockkey',
  'SwarmUnlock',
  'NodeList',
  'NodeInspect',
  'NodeDelete',
  'NodeUpdate',
  'ServiceList',
  'ServiceCreate',
  'ServiceInspect',
  'ServiceDelete',
  'ServiceUpdate',
  'ServiceLogs',
  'TaskList',
  'TaskInspect',
  'TaskLogs',
] as const;

/** Swarm and plugins: there are none, and each request is told so the way dockerd tells it. */
export function swarmRoutes(server: Server): void {
  for (const operation of MANAGER_ONLY)
    server.serve(operation, () => {
      throw unavailable(NOT_A_MANAGER);
    });
  server.serve('SwarmLeave', () => {
    throw unavailable('This node is not part of a swarm');
  });
  for (const operation of ['SwarmInit', 'SwarmJoin'] as const)
    server.serve(operation, () => {
      throw unsupported('Berth runs the containers of one machine: swarm mode is not supported');
    });
}

/** Plugins: the list is empty, and none can be installed. */
export function pluginRoutes(server: Server): void {
  server.serve('PluginList', () => []);
  server.serve('GetPluginPrivileges', () => {
    throw unsupported('plugins are not supported');
  });
  for (const operation of ['PluginPull', 'PluginCreate'] as const)
    server.serve(operation, () => {
      throw unsupported('plugins are not supported');
    });
  for (const operation of [
    'PluginInspect',
    'PluginDelete',
    'PluginEnable',
    'PluginDisable',
    'PluginUpgrade',
    'PluginPush',
    'PluginSet',
  ] as const)
    server.serve(operation, ({ params }) => {
      if (!params['name']) throw invalidParameter('plugin name is empty');
      throw notFound(`plugin ${JSON.stringify(params['name'])} not found`);
    });
}
