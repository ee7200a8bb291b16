import { parseEgress } from './egress.ts';
import { portChange } from './elements.ts';
import { ruleset } from './firewall.ts';

describe('the firewall', () => {
  const network = {
    bridge: 'br0',
    subnet4: '10.7.0.0/24',
    subnet6: '',
    internal: false,
    icc: true,
    masquerade4: true,
    masquerade6: false,
    source4: '',
    source6: '',
    open4: false,
    open6: false,
    routed4: false,
    routed6: false,
  };
  const port = {
    protocol: 'tcp' as const,
    hostIp: '127.0.0.1',
    hostPort: 80,
    address: '10.7.0.2',
    port: 8080,
  };
  const state = {
    table: 't',
    networks: [network],
    ports: [port],
    guards: [],
    egress: [],
    links: [],
    direct: [],
  };

  test('has as many rules for many networks and ports as for one', () => {
    const rules = (text: string) => text.split('\n').filter((line) => /^ {4}/.test(line)).length;
    const many = Array.from({ length: 50 }, (_, n) => ({
      ...network,
      bridge: `br${n}`,
      subnet4: `10.7.${n}.0/24`,
    }));
    const ports = Array.from({ length: 50 }, (_, n) => ({ ...port, hostPort: 1000 + n }));
    expect(rules(ruleset({ ...state, networks: many, ports }))).toBe(rules(ruleset(state)));
  });

  test('changes a port by its elements', () => {
    expect(portChange('t', [port], [{ ...port, hostIp: '::', address: 'fd00::2' }])).toBe(
      'delete element inet t anywhere6 { 6 . 80 }\n' +
        'add element inet t publish4 { 127.0.0.1 . 6 . 80 : 10.7.0.2 . 8080 }\n' +
        'add element inet t loopback4 { 127.0.0.1 . 6 . 80 }\n',
    );
    const carried = { ...port, hostIp: '::', address: '' };
    expect(portChange('t', [carried], [{ ...carried, hostIp: 'fd00::2' }])).toBe(
      'delete element inet t carriedat6 { fd00::2 . 6 . 80 }\n' + 'add element inet t carried6 { 6 . 80 }\n',
    );
  });

  test('lets egress entries name ranges, names, ports and protocols', () => {
    expect(parseEgress('10.0.0.0/8:443/tcp, [fd00::1]:53/udp *.example.org')).toEqual([
      { protocol: 'tcp', port: 443, cidr: '10.0.0.0/8' },
      { protocol: 'udp', port: 53, cidr: 'fd00::1/128' },
      { name: '*.example.org' },
    ]);
    expect(parseEgress(undefined)).toBeUndefined();
    expect(() => parseEgress('a b$')).toThrow('invalid entry of berth.egress.allow: b$');
  });
});
