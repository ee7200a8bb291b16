import type { Settings } from '../config/settings.ts';
import type { Stage } from './stages.ts';

/** The entitlements of a step beyond its own root, if the client asks (`--allow`) and the daemon grants them. */
export const NETWORK_HOST = 'network.host';
const SECURITY_INSECURE = 'security.insecure';

/**
 * The entitlements this daemon grants: as dockerd, the host's network unless configured otherwise, privileges only
 * where configured.
 */
export function grantable({ entitlements = {} }: Settings['builder']): Set<string> {
  const granted = new Set<string>();
  if (entitlements['network-host'] !== false) granted.add(NETWORK_HOST);
  if (entitlements['security-insecure'] === true) granted.add(SECURITY_INSECURE);
  return granted;
}

/** The first thing that the RUNs of these stages need and are not granted. */
export function missingEntitlement(
  stages: Iterable<Pick<Stage, 'instructions'>>,
  forcedNetwork: string,
  granted: ReadonlySet<string>,
): string | undefined {
  for (const { instructions } of stages)
    for (const { name, flags } of instructions) {
      if (name !== 'RUN') continue;
      const value = (wanted: string) => flags.find((flag) => flag.name === wanted)?.value;
      if ((value('network') ?? forcedNetwork) === 'host' && !granted.has(NETWORK_HOST)) return NETWORK_HOST;
      if (value('security') === 'insecure' && !granted.has(SECURITY_INSECURE)) return SECURITY_INSECURE;
    }
  return undefined;
}
