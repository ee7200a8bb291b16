import { availableParallelism, totalmem } from 'node:os';
import { BUCKETS, counted, observed } from '../base/meters.ts';
import { VERSION } from '../base/version.ts';
import type { MetricsRooms } from './api.ts';
import type { Family, Sample } from './text.ts';

/** dockerd's names of actions by operations of the API. */
const CONTAINER_ACTIONS = {
  changes: 'ContainerChanges',
  commit: 'ImageCommit',
  create: 'ContainerCreate',
  delete: 'ContainerDelete',
  start: 'ContainerStart',
};
const NETWORK_ACTIONS = {
  allocate: 'NetworkCreate',
  connect: 'NetworkConnect',
  release: 'NetworkDelete',
};
const IMAGE_ACTIONS = { delete: 'ImageDelete', load: 'ImageLoad', pull: 'ImageCreate', push: 'ImagePush' };

/** The engine's own metrics, by the names that dockerd has for them. */
export function engineFamilies(rooms: MetricsRooms, kernel: string, system: string): Family[] {
  const { containers, events, layers } = rooms;
  const counts = containers.counts();
  const gauge = (name: string, help: string, value: number): Family => ({
    name,
    type: 'gauge',
    help,
    samples: [{ value }],
  });
  const counter = (name: string, help: string, value: number): Family => ({
    ...gauge(name, help, value),
    type: 'counter',
  });
  const { rss } = process.memoryUsage();
  const { user, system: sys } = process.cpuUsage();
  return [
    {
      name: 'engine_daemon_engine_info',
      type: 'gauge',
      help: 'The information related to the engine and the OS it is running on',
      samples: [
        {
          labels: {
            architecture: process.arch,
            commit: '0',
            daemon_id: '',
            graphdriver: layers.driver,
            kernel,
            os: system,
            os_type: 'linux',
            os_version: '',
            version: VERSION,
          },
          value: 1,
        },
      ],
    },
    gauge(
      'engine_daemon_engine_cpus_cpus',
      'The number of cpus that the host system of the engine has',
      availableParallelism(),
    ),
    gauge(
      'engine_daemon_engine_memory_bytes',
      'The number of bytes of memory that the host system of the engine has',
      totalmem(),
    ),
    {
      name: 'engine_daemon_container_states_containers',
      type: 'gauge',
      help: 'The count of containers in various states',
      samples: (['paused', 'running', 'stopped'] as const).map((state) => ({
        labels: { state },
        value: counts[state],
      })),
    },
    actions(
      'engine_daemon_container_actions_seconds',
      'The number of seconds it takes to process each container action',
      CONTAINER_ACTIONS,
    ),
    actions(
      'engine_daemon_network_actions_seconds',
      'The number of seconds it takes to process each network action',
      NETWORK_ACTIONS,
    ),
    actions(
      'engine_daemon_image_actions_seconds',
      'The number of seconds it takes to process each image action',
      IMAGE_ACTIONS,
    ),
    counter('engine_daemon_events_total', 'The number of events logged', counted('events')),
    {
      // dockerd's name: by Prometheus's rules a counter would be called so.
      name: 'engine_daemon_events_subscribers_total',
      type: 'untyped',
      help: 'The number of current subscribers to events',
      samples: [{ value: events.listeners() }],
    },
    counter(
      'engine_daemon_health_checks_total',
      'The total number of health checks',
      counted('health checks'),
    ),
    counter(
      'engine_daemon_health_checks_failed_total',
      'The total number of failed health checks',
      counted('health checks failed'),
    ),
    counter('builder_builds_triggered_total', 'Number of triggered image builds', builds().triggered),
    counter('builder_builds_failed_total', 'Number of failed image builds', builds().failed),
    counter(
      'process_cpu_seconds_total',
      'Total user and system CPU time spent in seconds.',
      (user + sys) / 1e6,
    ),
    gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', rss),
    gauge(
      'process_start_time_seconds',
      'Start time of the process since unix epoch in seconds.',
      Math.round(Date.now() / 1000 - process.uptime()),
    ),
  ];
}

function builds(): { triggered: number; failed: number } {
  const done = observed('ImageBuild');
  return {
    triggered: done ? done.counts.reduce((sum, value) => sum + value, 0) : 0,
    failed: counted('ImageBuild failed'),
  };
}

function actions(name: string, help: string, operations: Record<string, string>): Family {
  const samples: Sample[] = [];
  for (const [action, operation] of Object.entries(operations)) {
    const { counts, sum } = observed(operation) ?? {
      counts: new Array<number>(BUCKETS.length + 1).fill(0),
      sum: 0,
    };
    let total = 0;
    counts.forEach((value, index) => {
      total += value;
      const bound = BUCKETS[index];
      samples.push({
        suffix: '_bucket',
        labels: { action, le: bound === undefined ? '+Inf' : String(bound) },
        value: total,
      });
    });
    samples.push({ suffix: '_sum', labels: { action }, value: sum });
    samples.push({ suffix: '_count', labels: { action }, value: total });
  }
  return { name, type: 'histogram', help, samples };
}
