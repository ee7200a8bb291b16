import { newId, timestamp } from './options.ts';
import type { NetworkRecord } from './records.ts';

/** The record of a network that is there without being made: `host` and `none`. */
export function builtin(name: string, driver: 'host' | 'null'): NetworkRecord {
  return {
    id: newId(),
    name,
    created: timestamp(),
    driver,
    ipv4: true,
    ipv6: false,
    internal: false,
    attachable: false,
    configOnly: false,
    configFrom: '',
    labels: {},
    options: {},
    ipamDriver: 'default',
    ipamOptions: null,
    ipamConfig: [],
    subnets: [],
    link: '',
    mac: '',
    foreignLink: false,
  };
}
