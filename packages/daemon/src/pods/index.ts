import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Launcher } from '@berth/native';
import type { Settings } from '../config/settings.ts';
import type { Networks } from '../networks/api.ts';
import type { Runtime } from '../runtime/api.ts';
import type { Store } from '../store/api.ts';
import type { PodRecord, Pods } from './api.ts';
import { PodNamespaces } from './namespaces.ts';
import type { PodNetwork } from './network/api.ts';
import { OwnNetwork } from './network/own.ts';
import { PodRoom } from './pods.ts';

export type * from './api.ts';

export interface PodRooms {
  settings: Settings;
  store: Store;
  launcher: Launcher;
  runtime: Runtime;
  networks: Networks;
}

/** Opens the room on its records. `reconcile` must follow before anything is run. */
export async function openPods({ settings, store, launcher, runtime, networks }: PodRooms): Promise<Pods> {
  const root = join(settings.dataRoot, 'pods');
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const mode = settings.bridge === 'none' ? 'none' : 'bridge';
  const own = new OwnNetwork(networks, mode);
  let cni: PodNetwork | undefined;
  const openCni = async () =>
    (cni ??= (await import('./network/cni/index.ts')).openCni(settings, networks, launcher));
  const provider = (name: PodRecord['provider']) => (name === 'cni' ? openCni() : Promise.resolve(own));
  return new PodRoom({
    store,
    runtime,
    networks,
    namespaces: new PodNamespaces(settings.execRoot, launcher),
    root,
    network: async () => {
      if (settings.criNetwork === 'berth') return own;
      const plugins = await openCni();
      // Without a configuration of plugins a single node needs nothing more than our own network.
      return settings.criNetwork === 'cni' || (await plugins.status()).ready ? plugins : own;
    },
    node: own,
    mode,
    provider,
  });
}
