import type { NetworkRequest } from './api.ts';

/** For the tests of this room: what a container that asks for nothing special asks for. */
export function plainRequest(
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
