import type { NetworkExplanation } from '../../explain/api.ts';
import type { NetworkInspect } from '../../networks/api.ts';
import { type Rule, when } from '../rule.ts';

/** A network as rules see it: how it was asked for, and how it is wired. */
export interface NetworkSubject {
  network: Pick<NetworkInspect, 'Options'>;
  facts: NetworkExplanation;
}

const BRIDGE = 'com.docker.network.bridge.';

/** Names of the running containers on it, as one piece of evidence. */
const members = ({ facts }: NetworkSubject): string => facts.Members.map(({ Name }) => Name).join(', ');

const modes = ({ network: { Options } }: NetworkSubject, mode: string): string[] =>
  ['gateway_mode_ipv4', 'gateway_mode_ipv6']
    .filter((name) => Options?.[BRIDGE + name] === mode)
    .map((name) => `${name} is ${mode}`);

/** Rules on a network: who gets in, and who meets whom. */
export const NETWORK_RULES: Rule<NetworkSubject>[] = [
  {
    id: 'BN001',
    grade: 'high',
    title: 'Ports that are not published are reached from outside',
    reason: 'Every port of its containers is open to whoever has a route to them.',
    incident: 'Debug and metrics ports that were meant for neighbours are found by scans.',
    mend: '--opt com.docker.network.bridge.gateway_mode_ipv4=nat, and gateway_mode_ipv6=nat',
    find: (subject) => modes(subject, 'nat-unprotected'),
  },
  {
    id: 'BN002',
    grade: 'high',
    title: 'No firewall stands before it',
    also: 'CIS 2.4',
    reason: 'Nothing keeps it apart from other networks, nor its ports from those outside.',
    incident: 'CVE-2025-54388: published loopback ports were reached when rules were gone.',
    mend: 'leave --iptables=false out of the settings of berthd',
    find: ({ facts: { Driver, Table } }) =>
      when(Driver === 'bridge' && Table === undefined, 'the engine has no table'),
  },
  {
    id: 'BN003',
    grade: 'medium',
    title: 'Interfaces of the host are trusted to reach containers at their own addresses',
    reason:
      'Whoever comes by them reaches ports at the containers’ own addresses, also those published for one address of the host.',
    incident: 'A tunnel that was trusted for one machine led a whole company to the databases.',
    mend: 'a network without --opt com.docker.network.bridge.trusted_host_interfaces',
    find: ({ network: { Options } }) => {
      const trusted = Options?.[`${BRIDGE}trusted_host_interfaces`] ?? '';
      return when(trusted !== '', trusted);
    },
  },
  {
    id: 'BN004',
    grade: 'medium',
    title: 'Containers use the host’s own network',
    also: 'CIS 5.10, trivy KSV-0009',
    reason: 'They reach what listens on loopback alone, and open ports past the engine.',
    incident: 'Services of the host that trust 127.0.0.1 were used from a container (CVE-2020-15257).',
    mend: '--network with a network of its own, and -p for the ports that are meant',
    find: (subject) =>
      when(subject.facts.Driver === 'host' && subject.facts.Members.length > 0, members(subject)),
  },
  {
    id: 'BN005',
    grade: 'low',
    title: 'Its containers stand in the network of the host’s interface, past the engine’s firewall',
    reason: 'Machines there reach every port of them; nothing is published or translated.',
    incident: 'Databases that listened for their neighbours alone were reached from the office network.',
    mend: '--driver bridge, or a firewall in that network',
    find: ({ facts: { Driver, Link } }) =>
      when(Driver === 'macvlan' || Driver === 'ipvlan', `${Driver} on ${Link}`),
  },
  {
    id: 'BN006',
    grade: 'low',
    title: 'Containers share the default network',
    also: 'CIS 5.30',
    reason: 'All that name no network are there, those of other projects, too.',
    incident: 'A broken web server reaches the databases of other projects.',
    mend: '--network with a network of its own for each project, or --icc=false of berthd',
    find: (subject) => {
      const { Network, Icc, Members } = subject.facts;
      return when(Network === 'bridge' && Icc && Members.length > 1, members(subject));
    },
  },
  {
    id: 'BN007',
    grade: 'low',
    title: 'Ports of its containers are published at every address',
    also: 'CIS 5.14',
    reason: 'Everyone who reaches the host reaches them, past the rules of ufw and the like.',
    incident: 'Databases published for a neighbour were found and ransomed (MongoDB, Redis, Elasticsearch).',
    mend: '-p 127.0.0.1:HOST:PORT, or --opt com.docker.network.bridge.host_binding_ipv4=127.0.0.1',
    find: ({ facts }) =>
      facts.Members.flatMap(({ Name, Ports }) =>
        Ports.filter((port) => /^(?:0\.0\.0\.0|\[?::\]?|):\d/.test(port)).map((port) => `${Name}: ${port}`),
      ),
  },
];
