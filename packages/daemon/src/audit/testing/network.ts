import { type Change, set } from './change.ts';

const member = (...Ports: string[]) => ({ Id: '1', Name: 'web', Ports });
const OPTION = 'network.Options';

/** A network that no rule finds fault with. */
export const GOOD_NETWORK = {
  network: { Options: {} },
  facts: {
    Network: 'own',
    Driver: 'bridge',
    Link: 'br-1',
    Icc: true,
    Table: 'berth',
    Members: [member('127.0.0.1:8080->80/tcp', '::1:8080->80/tcp', ':->81/tcp'), member()],
  },
};

/** By each rule's id the change of the good one that the rule has to find. */
export const BAD_NETWORK: Record<string, Change> = {
  BN001: set(OPTION, { 'com.docker.network.bridge.gateway_mode_ipv6': 'nat-unprotected' }),
  BN002: set('facts.Table', undefined),
  BN003: set(OPTION, { 'com.docker.network.bridge.trusted_host_interfaces': 'tun0' }),
  BN004: set('facts.Driver', 'host'),
  BN005: set('facts.Driver', 'macvlan'),
  BN006: set('facts.Network', 'bridge'),
  BN007: set('facts.Members', [member('127.0.0.1:8080->80/tcp', ':::8080->80/tcp')]),
};
