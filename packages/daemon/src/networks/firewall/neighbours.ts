import type { Nftables } from '@berth/native/nft.ts';
import { log } from '../../base/log.ts';

interface Listing {
  nftables: Array<{ chain?: ListedChain; rule?: { handle: number; comment?: string; expr: unknown } }>;
}

interface ListedChain {
  family: string;
  table: string;
  name: string;
  hook?: string;
  policy?: string;
}

/** A chain of somebody else's through which forwarded packets must pass. */
interface Gate {
  family: 'ip' | 'ip6';
  chain: string;
}

const CHECK_EVERY = 30_000;
const DIRECTIONS = ['iifname', 'oifname'] as const;

/**
 * Lets our bridges through the forward chains of others. Every base chain of the forward hook must accept a packet: where
 * an `iptables` chain FORWARD drops what it does not know (Docker's policy, ufw's), our own table's accept is not enough.
 * Each bridge then gets two rules, in DOCKER-USER where there is one, else in FORWARD, behind all rules that are there: only
 * what none of them decides is let through. Our own table still has its say.
 */
export class ForwardNeighbours {
  readonly #nftables: Nftables;
  readonly #mark: string;
  readonly #told = new Set<string>();
  #bridges: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #last: Promise<void> = Promise.resolve();

  /** `mark`: the comment by which this daemon's rules are known. */
  constructor(nftables: Nftables, mark: string) {
    this.#nftables = nftables;
    this.#mark = mark;
  }

  /** Brings the rules up to date with the bridges that there are now. Never fails: what can't be done is logged. */
  sync(bridges: readonly string[]): Promise<void> {
    this.#bridges = [...bridges];
    this.#last = this.#last
      .then(() => this.#sync())
      .catch((error) => {
        log.warn({ err: error }, 'the forward chains of other programs could not be looked at');
      });
    return this.#last;
  }

  async #sync(): Promise<void> {
    const listed = (await this.#nftables.json('list chains')) as Listing;
    const chains = listed.nftables.flatMap(({ chain }) => chain ?? []);
    const gates = gatesOf(chains);
    for (const chain of chains) this.#tell(chain, gates);
    for (const family of ['ip', 'ip6'] as const)
      for (const name of ['DOCKER-USER', 'FORWARD']) {
        if (!chains.some((chain) => isFilter(chain, family) && chain.name === name)) continue;
        const open = gates.some((gate) => gate.family === family && gate.chain === name);
        await this.#change({ family, chain: name }, open ? this.#bridges : []);
      }
    this.#watch(gates.length > 0);
  }

  /** Says once what stands in the way. */
  #tell(chain: ListedChain, gates: readonly Gate[]): void {
    const { family, table, name } = chain;
    const key = `${family} ${table} ${name}`;
    if (chain.hook !== 'forward' || chain.policy !== 'drop' || this.#told.has(key)) return;
    this.#told.add(key);
    const gate = gates.find((one) => isFilter(chain, one.family) && name === 'FORWARD');
    if (gate)
      log.info(
        { chain: key, rules: gate.chain },
        'forwarded packets are dropped elsewhere: accept rules let our bridges through',
      );
    else
      log.warn(
        { chain: key },
        'forwarded packets are dropped elsewhere: containers reach nothing until that chain accepts our bridges',
      );
  }

  async #change({ family, chain }: Gate, bridges: readonly string[]): Promise<void> {
    const listed = (await this.#nftables.json(`list chain ${family} filter ${chain}`)) as Listing;
    const commands = ruleChange(this.#mark, { family, chain }, bridges, listed);
    if (commands) await this.#nftables.run(commands);
  }

  /** Others rebuild their chains without a word (a reload of ufw): looked at again now and then. */
  #watch(wanted: boolean): void {
    if (!wanted) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    } else this.#timer ??= setInterval(() => void this.sync(this.#bridges), CHECK_EVERY).unref();
  }
}

const isFilter = (chain: ListedChain, family: string) => chain.family === family && chain.table === 'filter';

/** The chains that need accept rules: one for each family whose FORWARD drops. */
function gatesOf(chains: readonly ListedChain[]): Gate[] {
  return (['ip', 'ip6'] as const).flatMap((family): Gate[] => {
    const mine = chains.filter((chain) => isFilter(chain, family));
    if (!mine.some(({ name, hook, policy }) => name === 'FORWARD' && hook === 'forward' && policy === 'drop'))
      return [];
    return [{ family, chain: mine.some(({ name }) => name === 'DOCKER-USER') ? 'DOCKER-USER' : 'FORWARD' }];
  });
}

/**
 * The transaction that gives a chain the rules for these bridges and takes away those for others; '' where nothing
 * differs. The rules are such that `iptables` can still read its chain.
 */
export function ruleChange(
  mark: string,
  { family, chain }: Gate,
  bridges: readonly string[],
  { nftables }: Listing,
): string {
  const wanted = new Set<string>(
    bridges.flatMap((bridge) => DIRECTIONS.map((word) => `${word} "${bridge}"`)),
  );
  const where = `${family} filter ${chain}`;
  let text = '';
  let end = `add rule ${where}`;
  for (const { rule } of nftables) {
    // Docker's chain ends with a return.
    if (rule) end = isReturn(rule.expr) ? `insert rule ${where} handle ${rule.handle}` : `add rule ${where}`;
    if (rule?.comment !== mark) continue;
    const match = matchOf(rule.expr);
    if (!wanted.delete(match)) text += `delete rule ${where} handle ${rule.handle}\n`;
  }
  for (const match of wanted) text += `${end} ${match} counter accept comment "${mark}"\n`;
  return text;
}

/** Whether a rule is nothing but a return, counted or not. */
const isReturn = (expressions: unknown) =>
  (expressions as object[]).every((one) => 'counter' in one || 'return' in one);

/** The one match of a rule of ours, as nft writes it. */
function matchOf(expressions: unknown): string {
  const [first] = expressions as Array<{ match?: { left?: { meta?: { key?: string } }; right?: unknown } }>;
  return `${first?.match?.left?.meta?.key} "${String(first?.match?.right)}"`;
}
