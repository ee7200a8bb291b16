import { hostsFile, ownNames, parseResolvConf, resolvConf } from './files.ts';

describe('files', () => {
  const host = {
    nameservers: ['127.0.0.1', '192.0.2.53'],
    search: ['lan'],
    options: [],
    path: '/etc/resolv.conf',
  };
  const none = { dns: [], search: [], options: [] };

  test('resolv.conf leaves out servers that a container cannot reach', () => {
    const parsed = parseResolvConf(resolvConf('legacy', none, host, true));
    expect(parsed).toEqual({ nameservers: ['192.0.2.53'], search: ['lan'], options: [] });
  });

  test('resolv.conf names the internal resolver, and what it asks', () => {
    const text = resolvConf('internal', { ...none, search: ['.'] }, host, true);
    expect(parseResolvConf(text)).toEqual({ nameservers: ['127.0.0.11'], search: [], options: ['ndots:0'] });
    expect(text).toContain('# ExtServers: [192.0.2.53 host(127.0.0.1)]');
    const alone = resolvConf('internal', none, { ...host, nameservers: [] }, true);
    expect(alone).toContain('# NO EXTERNAL NAMESERVERS DEFINED\n# Overrides: []\n');
  });

  test('hosts has the full name first', () => {
    expect(ownNames('web', 'ex.test')).toBe('web.ex.test web');
    const text = hostsFile([['192.0.2.9', 'extra']], [], ['10.0.0.2'], ownNames('a.b.c', ''));
    expect(text.endsWith('192.0.2.9\textra\n10.0.0.2\ta.b.c a\n')).toBe(true);
  });
});
