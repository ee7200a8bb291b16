import { LaunchError, type LaunchRecord, type PluginCall, type PluginEnd } from './api.ts';
import { launchError } from './supervisor/news.ts';

const EPIPE = 32;

/** The process that makes a pod's namespaces (c/pod/pod.h), by what it says. */
export class PodMaker {
  readonly #done = Promise.withResolvers<number>();

  /** The number of the process that keeps the pod's PID namespace, or 0. @throws LaunchError */
  get done(): Promise<number> {
    return this.#done.promise;
  }

  take(records: LaunchRecord[]): void {
    for (const [name, ...rest] of records) {
      if (name === 'pod-done') this.#done.resolve(Number(rest[0]));
      else if (name === 'failed') this.#done.reject(launchError(...rest));
      else if (name === 'lost') this.#done.reject(new LaunchError('pod', EPIPE, "the pod's maker was lost"));
    }
  }
}

/** The process that runs a plugin (c/pod/plugin.h), by what it says. */
export class PluginRunner {
  readonly #done = Promise.withResolvers<PluginEnd>();

  /** @throws LaunchError */
  get done(): Promise<PluginEnd> {
    return this.#done.promise;
  }

  take(records: LaunchRecord[]): void {
    for (const [name, ...rest] of records) {
      if (name === 'plugin-done') {
        const [how, number, output = '', errors = ''] = rest;
        this.#done.resolve({ how: how as PluginEnd['how'], number: Number(number), output, errors });
      } else if (name === 'failed') this.#done.reject(launchError(...rest));
      else if (name === 'lost')
        this.#done.reject(new LaunchError('plugin', EPIPE, 'the process that runs it was lost'));
    }
  }
}

/** What the launcher is asked for to run a plugin. */
export const pluginRecords = ({ path, input, environment, patience }: PluginCall): LaunchRecord[] => [
  ['plugin', path, String(patience)],
  ...Object.entries(environment).map(([name, value]): LaunchRecord => ['env', `${name}=${value}`]),
  ['input', input],
];
