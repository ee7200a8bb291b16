import { ruleChange } from './neighbours.ts';

const rule = (handle: number, comment: string, key: string, bridge: string) => ({
  rule: {
    handle,
    ...(comment && { comment }),
    expr: [
      { match: { op: '==', left: { meta: { key } }, right: bridge } },
      { counter: {} },
      { accept: null },
    ],
  },
});
const last = { rule: { handle: 9, expr: [{ counter: { packets: 1 } }, { return: null }] } };
const gate = { family: 'ip' as const, chain: 'DOCKER-USER' };

test('bridges get their accept rules before a final return, and lose them when they are gone', () => {
  const listed = {
    nftables: [
      rule(3, 'mine', 'iifname', 'br-a'),
      rule(4, 'mine', 'iifname', 'br-gone'),
      rule(5, '', 'iifname', 'br-b'),
      last,
    ],
  };
  expect(ruleChange('mine', gate, ['br-a'], listed)).toBe(
    'delete rule ip filter DOCKER-USER handle 4\n' +
      'insert rule ip filter DOCKER-USER handle 9 oifname "br-a" counter accept comment "mine"\n',
  );
});

test('nothing changes where all is there, and rules of others stay', () => {
  const both = [rule(3, 'mine', 'iifname', 'br-a'), rule(4, 'mine', 'oifname', 'br-a')];
  expect(ruleChange('mine', gate, ['br-a'], { nftables: both })).toBe('');
  expect(ruleChange('other', gate, [], { nftables: both })).toBe('');
  expect(ruleChange('mine', { ...gate, chain: 'FORWARD' }, ['br-b'], { nftables: [] })).toBe(
    'add rule ip filter FORWARD iifname "br-b" counter accept comment "mine"\n' +
      'add rule ip filter FORWARD oifname "br-b" counter accept comment "mine"\n',
  );
});
