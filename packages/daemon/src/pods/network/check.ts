import { log } from '../../base/log.ts';
import type { PodRecord } from '../api.ts';
import type { PodNamespaces } from '../namespaces.ts';
import type { PodNetwork } from './api.ts';

/** Milliseconds after the daemon's start. */
const AFTER = 1000;

interface Options {
  namespaces: PodNamespaces;
  provider: (name: PodRecord['provider']) => Promise<PodNetwork>;
}

/**
 * Has plugins asked, some time after the start, whether what they made for pods has outlasted the daemon. What has not is told of:
 * nothing but the plugins could restore it.
 */
export function checkLater(
  pods: readonly PodRecord[],
  current: (id: string) => PodRecord | undefined,
  options: Options,
): void {
  setTimeout(async () => {
    for (const { id, provider } of pods) {
      const pod = current(id);
      if (pod?.state !== 'ready') continue;
      try {
        await (await options.provider(provider)).check(pod, options.namespaces.of(id));
      } catch (error) {
        // It may have been stopped meanwhile.
        if (current(id)?.state === 'ready')
          log.warn(
            { pod: id, name: pod.config.name, err: error },
            'the network of a pod is not what its plugins made; delete the pod to have it made anew',
          );
      }
    }
  }, AFTER).unref();
}
