import type { NetworkRequest } from './api.ts';

/**
 * The request of a container that asks for nothing special: on the default bridge, no port published, the daemon's
 * resolvers. `change` names the container, its folder, and whatever differs.
 */
export function defaultRequest(
  change: Partial<NetworkRequest> & Pick<NetworkRequest, 'id' | 'name' | 'hostname' | 'folder'>,
): NetworkRequest {
  return {
    domainname: '',
    mode: 'bridge',
    endpoints: {},
    exposedPorts: [],
    portBindings: {},
    publishAll: false,
    dns: [],
    dnsSearch: [],
    dnsOptions: [],
    extraHosts: [],
    links: [],
    labels: {},
    ...change,
  };
}
