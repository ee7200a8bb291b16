import type { Nftables } from '@berth/native/nft.ts';
import type { FirewallRule } from '../api.ts';

export type { FirewallRule };

/** The rules of other programs that may stand in the way of a packet, and whether all of them were read. */
export interface OtherRules {
  rules: FirewallRule[];
  complete: boolean;
  /** Chains, with their table, that containers' packets pass and that let no new connection through: by their policy. */
  closed: string[];
}

interface Chains {
  nftables: Array<{
    chain?: { family: string; table: string; name: string; hook?: string; type?: string; policy?: string };
  }>;
}

/** Tables larger than this, in characters, are not searched: a proxy for thousands of services fills one. */
const LARGEST = 1 << 20;

/** Reads what `nft list` prints: `table inet NAME { chain NAME { RULE ... } }`. */
export function parseRules(text: string): FirewallRule[] {
  const rules: FirewallRule[] = [];
  let table = '';
  let chain = '';
  for (const line of text.split('\n')) {
    const trimmed = line.trim();
    const opened = /^(table|chain|set|map) (.+) \{$/.exec(trimmed);
    if (opened) {
      if (opened[1] === 'table') table = opened[2]!;
      chain = opened[1] === 'chain' ? opened[2]! : '';
    } else if (trimmed === '}') chain = '';
    else if (chain && trimmed !== '') rules.push(ruleOf(table, chain, trimmed));
  }
  return rules;
}

function ruleOf(table: string, chain: string, text: string): FirewallRule {
  const counter = / ?counter packets (\d+) bytes (\d+)/.exec(text);
  const comment = / comment "([^"]*)"$/.exec(text);
  let rule = text;
  if (counter) rule = rule.replace(counter[0], '');
  if (comment) rule = rule.replace(comment[0], '');
  return {
    Table: table,
    Chain: chain,
    Rule: rule.trim(),
    ...(comment && { Meaning: comment[1]! }),
    ...(counter && { Packets: Number(counter[1]), Bytes: Number(counter[2]) }),
  };
}

/**
 * The rules of all tables but `own` that have a chain on the way of packets to or from containers, and the policies of
 * those chains as rules of their own.
 */
export async function othersOf(nftables: Nftables, own: string): Promise<OtherRules> {
  const listed = (await nftables.json('list chains')) as Chains;
  const tables = new Map<string, FirewallRule[]>();
  const shut: Array<{ table: string; chain: string; policy: string | undefined }> = [];
  const closed: string[] = [];
  for (const { chain } of listed.nftables) {
    if (!chain || !['forward', 'prerouting', 'input'].includes(chain.hook ?? '') || chain.table === own)
      continue;
    const table = `${chain.family} ${chain.table}`;
    const policies = tables.get(table) ?? [];
    if (chain.hook !== 'input') shut.push({ table, chain: chain.name, policy: chain.policy });
    if (chain.policy === 'drop')
      policies.push({ Table: table, Chain: chain.name, Rule: `policy drop (hook ${chain.hook})` });
    tables.set(table, policies);
  }
  const rules: FirewallRule[] = [];
  let complete = true;
  for (const [table, policies] of tables) {
    rules.push(...policies);
    // A table that another program removes meanwhile has no rules any more.
    const text = await nftables.text(`list table ${table}`).catch(() => '');
    if (text.length > LARGEST) complete = false;
    else {
      const all = parseRules(text);
      rules.push(...all.filter(({ Rule }) => /\b(?:drop|reject)\b/.test(Rule)));
      for (const { chain, policy } of shut.filter((one) => one.table === table)) {
        const why = closedBy(
          all.filter((rule) => rule.Chain === chain),
          chain,
          policy,
        );
        if (why) closed.push(`table ${table}, chain ${chain}: ${why}`);
      }
    }
  }
  return { rules, complete, closed };
}

/** Whether a rule may accept a new connection, or asks another chain that may. */
const letsThrough = ({ Rule }: FirewallRule) =>
  /\b(?:accept|jump|goto|vmap|queue)\b/.test(Rule) && !/^ct state (?:\{ )?(?:established|related)/.test(Rule);

/** What keeps every new connection from passing a base chain: a rule, or its policy; undefined where some may pass. */
export function closedBy(
  rules: readonly FirewallRule[],
  chain: string,
  policy = 'accept',
): string | undefined {
  for (const rule of rules) {
    if (letsThrough(rule)) return undefined;
    if (/^(?:drop|reject\b.*)$/.test(rule.Rule)) return `${rule.Rule}, before anything is accepted`;
  }
  // Rules that let containers through are added to the chains of iptables, which have this name (`neighbours.ts`).
  return policy === 'drop' && chain !== 'FORWARD'
    ? 'policy drop, and no rule accepts new connections'
    : undefined;
}
