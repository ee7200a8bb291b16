import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { nativeProgram, openLauncher } from '@berth/native';
import { openAudit } from './audit/index.ts';
import { log } from './base/log.ts';
import { VERSION } from './base/version.ts';
import { openBuilder } from './builder/index.ts';
import type { Settings } from './config/settings.ts';
import { openContainers } from './containers/index.ts';
import { openEvents } from './events/index.ts';
import { openExplain } from './explain/index.ts';
import { openImages } from './images/index.ts';
import { openLayers } from './layers/index.ts';
import { openLogging } from './logging/index.ts';
import { openMetrics } from './metrics/index.ts';
import { openNetworks } from './networks/index.ts';
import { openRuntime } from './runtime/index.ts';
import { openSecrets } from './secrets/index.ts';
import type { Services } from './services.ts';
import { openStore } from './store/index.ts';
import { openVolumes } from './volumes/index.ts';

/** Opens all rooms on the data root, bottom first, and brings kernel and records into agreement. */
export async function openRooms(settings: Settings): Promise<Services> {
  const { dataRoot, execRoot } = settings;
  const store = openStore(join(dataRoot, 'berth.db'));
  const events = openEvents();
  const launcher = openLauncher({
    program: nativeProgram,
    lockFile: join(execRoot, 'launcher.lock'),
    onWarning: (message) => log.warn({}, message),
  });
  const runtime = openRuntime({ settings });
  const layers = await openLayers({
    root: join(dataRoot, 'layers'),
    store,
    binary: nativeProgram,
    storageDriver: settings.storageDriver,
    storageOpts: settings.storageOpts,
  });
  const logging = openLogging({ root: join(dataRoot, 'logs'), settings });
  const images = openImages({ root: join(dataRoot, 'images'), store, events, layers, settings });
  const volumes = openVolumes({
    dataRoot,
    store,
    events,
    owner: runtime.root(),
    folderSize: layers.folderSize,
    trees: layers.trees,
  });
  const secrets = openSecrets({ dataRoot, execRoot, store, events });
  const networks = await openNetworks({ store, events, settings, program: nativeProgram });
  const pods =
    settings.cri || existsSync(join(dataRoot, 'pods'))
      ? await (await import('./pods/index.ts')).openPods({ settings, store, launcher, runtime, networks })
      : undefined;
  const own = {
    settings,
    store,
    events,
    launcher,
    layers,
    images,
    runtime,
    logging,
    networks,
    volumes,
    secrets,
  };
  const below = pods ? { ...own, pods } : own;
  const containers = openContainers(below);
  const builder = await openBuilder({
    ...below,
    containers,
    root: join(dataRoot, 'build'),
    execRoot,
    version: VERSION,
  });
  const explain = openExplain({ ...below, containers });
  await containers.reconcile();
  logging.reconcile(new Set(containers.all().map(({ record }) => record.id)));
  // After the builder, which holds the layers of its cache.
  await images.reconcile();
  await layers.reconcile({
    diffIds: new Set(layers.list().map(({ diffId }) => diffId)),
    owners: new Set([...containers.all().map(({ record }) => record.id), ...store.damaged('containers')]),
  });
  return {
    ...below,
    containers,
    builder,
    explain,
    audit: openAudit({ ...below, containers, explain }),
    metrics: openMetrics({ ...below, containers }),
    close() {
      containers.close();
      logging.close();
      networks.close();
      launcher.close();
      store.close();
    },
  };
}
