import { createHash } from 'node:crypto';
import { type NetWorker, startNetWorker } from '@berth/native/net.ts';
import { type Nftables, openNftables } from '@berth/native/nft.ts';
import { log } from '../base/log.ts';
import type { Settings } from '../config/settings.ts';
import type { Events } from '../events/api.ts';
import type { Store } from '../store/api.ts';
import type { Networks } from './api.ts';
import { NameFiles } from './endpoints/name-files.ts';
import { restore, takeInUse, writeNames } from './endpoints/reconcile.ts';
import { SandboxFolder } from './endpoints/sandbox.ts';
import { desiredFirewall } from './firewall/policy.ts';
import { FirewallReconciler } from './firewall/reconciler.ts';
import { Catalogue } from './model/catalogue.ts';
import { type Context, Members } from './model/context.ts';
import type { ContainerRecord, NetworkRecord } from './model/records.ts';
import { Room } from './networks.ts';
import { PortTable } from './ports/ports.ts';

export * from './api.ts';

export interface NetworksOptions {
  settings: Settings;
  store: Store;
  events: Events;
  /** The path of berth-native. */
  program: string;
}

/** The run folder of the default daemon: its table has the plain name. */
const DEFAULT_ROOT = '/var/lib/berth';

/** With `--iptables=false` nothing is filtered or translated: that is the administrator's. */
const NO_FIREWALL: Nftables = {
  run: async () => undefined,
  json: async () => ({ nftables: [] }),
  text: async () => '',
};

/** Names this daemon's kernel objects, so that several daemons of one machine leave each other's alone. */
function marks(dataRoot: string): { group: number; table: string } {
  const digest = createHash('sha256').update(dataRoot).digest();
  return {
    group: (digest.readUInt32BE(0) & 0x3fffffff) | 0x40000000,
    table: dataRoot === DEFAULT_ROOT ? 'berth' : `berth-${digest.toString('hex', 4, 8)}`,
  };
}

/**
 * Opens the networks of a data root: the predefined ones are made where they are missing, bridges and the firewall are
 * brought into the state that the records describe. Call `reconcile` once the running containers are known.
 * @throws system: the default bridge can't be had (see `defaultBridge`).
 */
export async function openNetworks({ settings, store, events, program }: NetworksOptions): Promise<Networks> {
  const { group, table } = marks(settings.dataRoot);
  let context: Context | undefined;
  const worker: NetWorker = startNetWorker({
    program,
    group,
    table,
    onTableChanged: () => context?.firewall.restore(),
    onEnded: () => context?.sockets.clear(), // supervisors have their own
    onRestart: () => {
      log.warn({}, 'the network worker ended or did not answer, and was started again');
      if (context) restore(context).catch((error) => log.error({ err: error }, 'networks were not restored'));
    },
  });
  try {
    const records = store.collection<NetworkRecord>('networks');
    const containers = store.collection<ContainerRecord>('network_containers');
    const catalogue = new Catalogue({ settings, records, worker, events });
    const firewall = new FirewallReconciler(
      table,
      settings.iptables ? openNftables() : NO_FIREWALL,
      () => desiredFirewall(context!, table),
      (operation) => (settings.iptables ? worker.call(operation) : Promise.resolve()),
    );
    context = {
      settings,
      flush: () => store.flush(),
      flushOrLater: () => store.flushOrLater(),
      events,
      worker,
      catalogue,
      firewall,
      folder: new SandboxFolder(settings.execRoot),
      names: new NameFiles((id) => {
        const network = catalogue.find(id);
        if (network) writeNames(context!, network);
      }),
      containers,
      members: new Members(),
      ports: new PortTable(),
      sockets: new Map(),
      controls: new Map(),
    };
    await catalogue.open();
    takeInUse(context);
    await firewall
      .apply()
      .catch((error) =>
        log.error({ err: error }, 'the firewall could not be set up; networks are not protected'),
      );
    return new Room(context, () => worker.close());
  } catch (error) {
    worker.close();
    throw error;
  }
}
