import { LaunchError, type LaunchRecord } from './api.ts';
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
