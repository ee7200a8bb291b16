import { closedBy, parseRules } from './listing.ts';

const closed = (rules: string, policy = 'accept', chain = 'f') =>
  closedBy(parseRules(`table ip t {\n chain ${chain} {\n${rules}\n }\n}\n`), chain, policy);

test.each([
  ['counter packets 0 bytes 0 drop', 'accept', 'drop, before anything is accepted'],
  ['ct state established,related accept\nreject with icmp port-unreachable', 'accept', 'reject with'],
  ['ct state established,related accept', 'drop', 'policy drop'],
  ['tcp dport 22 drop', 'drop', 'policy drop'],
])('%s with the policy %s lets nothing through', (rules, policy, words) => {
  expect(closed(rules, policy)).toContain(words);
});

test.each([
  ['oifname "berth0" accept\ndrop', 'drop'],
  ['jump others\ndrop', 'drop'],
  ['tcp dport 22 drop', 'accept'],
  ['', 'accept'],
])('%s with the policy %s may let something through', (rules, policy) => {
  expect(closed(rules, policy)).toBeUndefined();
});

test("a policy of iptables' own chain, where rules for containers are added, does not count", () => {
  expect(closed('', 'drop', 'FORWARD')).toBeUndefined();
  expect(closed('drop', 'drop', 'FORWARD')).toContain('drop');
});
