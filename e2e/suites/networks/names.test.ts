import { spawnSync } from 'node:child_process';
import { until } from '../../support/daemon.ts';
import { run } from '../../support/outside.ts';
import type { Peer } from '../../support/peer.ts';
import { box, daemon, host, names, outside, seen, server, withNetworks } from './setup.ts';

/* The name service, and what goes on without the daemon or is brought back. */

withNetworks();

describe('names', () => {
  test('of containers, aliases and networks, in both directions', async () => {
    const one = await box('svc-one', 'dual', {}, { endpoint: { Aliases: ['svc', 'Only'] } });
    const two = await box('svc-two', 'dual', {}, { endpoint: { Aliases: ['svc'] } });
    for (const tcp of [false, true]) {
      for (const name of ['svc-one', 'SVC-ONE', 'only', one.id.slice(0, 12), 'svc-one.dual'])
        expect(await names(two, name, 'A', tcp)).toEqual({ rcode: 'NOERROR', answers: [one.ip] });
      expect(await names(two, 'svc-one', 'AAAA', tcp)).toEqual({ rcode: 'NOERROR', answers: [one.ip6] });
      expect(await names(two, 'svc-one', 'TXT', tcp)).toEqual({ rcode: 'NOERROR', answers: [] });
    }
    const both = await names(one, 'svc');
    expect(both.answers.toSorted()).toEqual([one.ip, two.ip].toSorted());
    const firsts = new Set<string>();
    for (let i = 0; i < 4; i++) firsts.add((await names(one, 'svc')).answers[0]!);
    expect(firsts.size).toBe(2);
    const reverse = `${one.ip.split('.').reverse().join('.')}.in-addr.arpa`;
    expect((await names(two, reverse, 'PTR')).answers).toEqual(['svc-one.dual']);
    expect(daemon.docker(['exec', two.id, 'nslookup', 'svc-one']).stdout).toContain(one.ip);
    const plain = await box('svc-plain', 'plain');
    expect((await names(plain, 'svc-plain', 'AAAA')).answers).toEqual([]);

    // They follow what happens to containers.
    await daemon.call('POST', `/containers/${one.id}/rename?name=svc-new`);
    expect((await names(two, 'svc-new')).answers).toEqual([one.ip]);
    await daemon.call('POST', '/networks/plain/connect', { Container: two.id });
    expect((await names(two, 'svc-plain')).answers).toEqual([plain.ip]);
    expect((await names(plain, 'svc-two')).answers).toHaveLength(1);
    await daemon.call('POST', '/networks/plain/disconnect', { Container: two.id });
    expect((await names(plain, 'svc-two')).answers).toEqual([]);
    await daemon.call('POST', `/containers/${one.id}/stop?t=0`);
    expect((await names(two, 'svc')).answers).toEqual([two.ip]);
  });

  test('of others are asked of the servers given, once', async () => {
    const one = await box(
      'ask',
      'plain',
      {},
      { config: { Dns: [outside.outside4.replace(/2$/, '99'), outside.outside4] } },
    );
    await outside.peer.ask('asked', {});
    expect(await names(one, 'www.example.com')).toEqual({ rcode: 'NOERROR', answers: ['192.0.2.7'] });
    expect(await names(one, 'WWW.example.com')).toEqual({ rcode: 'NOERROR', answers: ['192.0.2.7'] });
    expect((await names(one, 'www.example.com', 'AAAA', true)).answers).toEqual(['2001:db8::7']);
    expect((await names(one, 'nothing.example.com')).rcode).toBe('NXDOMAIN');
    expect(await outside.peer.ask('asked', {})).toEqual([
      'A www.example.com',
      'AAAA www.example.com',
      'A nothing.example.com',
    ]);
    expect(daemon.docker(['exec', one.id, 'nslookup', 'www.example.com']).stdout).toContain('192.0.2.7');
  });

  test('leave port 53 to the programs of the container', async () => {
    const one = await box('server', 'plain');
    await one.peer.ask('serveNames', { records: { 'here.test': ['192.0.2.8'] }, host: '0.0.0.0' });
    const two = await box('client', 'plain');
    expect((await names(two, 'server')).answers).toEqual([one.ip]);
    const reply = await two.peer.ask('resolve', { server: one.ip, name: 'here.test', type: 'A' });
    expect(reply.answers).toEqual(['192.0.2.8']);
  });
});

describe('without the daemon', () => {
  test('published ports, running connections and names go on', async () => {
    const web = await server('lasting', 'dual', { '80/tcp': '28090', '80/udp': '28090' });
    const near = await box('lasting-near', 'dual');
    const paths = [
      [outside.peer, outside.host4],
      [outside.peer, outside.host6],
      [host, '127.0.0.1'],
      [host, '::1'],
    ] as const;
    const held: Array<readonly [peer: Peer, connection: number]> = [];
    for (const [from, address] of paths)
      held.push([from, await from.ask('hold', { host: address, port: 28090 })] as const);
    const talk = async () => {
      for (const [from, connection] of held) {
        const text = await from.ask('talk', { connection, send: 'and on\n' });
        expect(text).toHaveLength(7);
      }
    };
    const check = async () => {
      await talk();
      for (const [from, address] of paths) expect(await seen(from, address, 28090)).toMatch(/^[\da-f.:]+$/);
      expect(await outside.peer.ask('udp', { host: outside.host4, port: 28090 })).toMatch(/ hello$/);
      expect(await host.ask('udp', { host: '127.0.0.1', port: 28090 })).toMatch(/ hello$/);
      expect((await names(near, 'lasting')).answers).toEqual([web.ip]);
    };
    await daemon.down('SIGKILL');
    await check();
    await daemon.up();
    await check();
    await daemon.call('DELETE', `/containers/${web.id}?force=1`);
    expect(await seen(host, '127.0.0.1', 28090)).toBe('ECONNREFUSED');
    expect(await seen(outside.peer, outside.host4, 28090)).toBe('ECONNREFUSED');
  });
});

describe('the firewall', () => {
  test('is back within a second after somebody deleted it; connections go on', async () => {
    const web = await server('walled', 'dual', { '80/tcp': '28091' });
    const connection = await outside.peer.ask('hold', { host: outside.host4, port: 28091 });
    const table = ['table', 'inet', await daemon.table()];
    const rules = () => spawnSync('nft', ['list', ...table], { encoding: 'utf8' }).stdout;
    run('nft', 'delete', ...table);
    const deleted = Date.now();
    await until('the firewall to be restored', () => rules().includes('28091'), 3000);
    expect(Date.now() - deleted).toBeLessThan(1000);
    const text = await outside.peer.ask('talk', { connection, send: '', size: outside.outside4.length + 1 });
    expect(text).toBe(`${outside.outside4}\n`);
    expect(await outside.peer.ask('talk', { connection, send: 'still here' })).toBe('still here');
    expect(await seen(outside.peer, outside.host4, 28091)).toBe(outside.outside4);
    expect(await seen(outside.peer, web.ip, 80)).toBe('timeout');
  });
});
