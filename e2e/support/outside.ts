import { spawnSync } from 'node:child_process';
import { Peer } from './peer.ts';

/** Runs `ip` (or another program); throws with its words. */
export function run(command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout;
}

/**
 * A host outside, behind a router, as two network namespaces: `host - router - outside`. The router knows the links beside
 * it and no network of containers, so that what leaves the host untranslated gets no answer. The test owns all of it;
 * `remove` takes it away.
 */
export class Outside {
  readonly #tag: string;
  /** Addresses of the host as the outside sees it, and of the outside. */
  readonly host4: string;
  readonly host6: string;
  readonly outside4: string;
  readonly outside6: string;
  peer!: Peer;

  private constructor(number: number) {
    this.#tag = `bt${process.pid.toString(36)}`;
    this.host4 = `10.${number}.1.1`;
    this.host6 = `fd77:${number}:1::1`;
    this.outside4 = `10.${number}.2.2`;
    this.outside6 = `fd77:${number}:2::2`;
  }

  /** The interface of the host that leads to it. */
  get hostLink(): string {
    return `${this.#tag}h`;
  }

  get routerNs(): string {
    return `/run/netns/${this.#tag}r`;
  }

  get outsideNs(): string {
    return `/run/netns/${this.#tag}o`;
  }

  /** `number`, the second byte of its addresses, is one that no link of the host has. */
  static async make(): Promise<Outside> {
    const taken = run('ip', '-4', 'route');
    let number = 100 + (process.pid % 97);
    while (taken.includes(`10.${number}.`)) number++;
    const made = new Outside(number);
    try {
      made.#build(number);
      made.peer = await Peer.start(made.outsideNs);
      return made;
    } catch (error) {
      await made.remove();
      throw error;
    }
  }

  #build(number: number): void {
    const tag = this.#tag;
    const [router, outside] = [`${tag}r`, `${tag}o`];
    const inside = (ns: string, ...args: string[]) => run('ip', '-n', ns, ...args);
    for (const ns of [router, outside]) {
      run('ip', 'netns', 'add', ns);
      inside(ns, 'link', 'set', 'lo', 'up');
    }
    run('ip', 'link', 'add', `${tag}h`, 'type', 'veth', 'peer', 'name', 'in', 'netns', router);
    run('ip', '-n', router, 'link', 'add', 'out', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', outside);
    // Neighbours are asked for by the link-local address; the kernel's own is tentative for a second or two, and gets no answer.
    const local = (device: string, address: string, ...ns: string[]) => {
      run('ip', ...ns, 'link', 'set', device, 'addrgenmode', 'none');
      run('ip', ...ns, 'address', 'add', `${address}/64`, 'dev', device, 'nodad');
    };
    local(`${tag}h`, 'fe80::1');
    local('in', 'fe80::2', '-n', router);
    local('out', 'fe80::1', '-n', router);
    local('eth0', 'fe80::2', '-n', outside);
    run('ip', 'address', 'add', `${this.host4}/24`, 'dev', `${tag}h`);
    run('ip', 'address', 'add', `${this.host6}/64`, 'dev', `${tag}h`, 'nodad');
    run('ip', 'link', 'set', `${tag}h`, 'up');
    inside(router, 'address', 'add', `10.${number}.1.2/24`, 'dev', 'in');
    inside(router, 'address', 'add', `fd77:${number}:1::2/64`, 'dev', 'in', 'nodad');
    inside(router, 'address', 'add', `10.${number}.2.1/24`, 'dev', 'out');
    inside(router, 'address', 'add', `fd77:${number}:2::1/64`, 'dev', 'out', 'nodad');
    for (const device of ['in', 'out']) inside(router, 'link', 'set', device, 'up');
    run(
      'ip',
      'netns',
      'exec',
      router,
      'sysctl',
      '-qw',
      'net.ipv4.ip_forward=1',
      'net.ipv6.conf.all.forwarding=1',
    );
    inside(outside, 'address', 'add', `${this.outside4}/24`, 'dev', 'eth0');
    inside(outside, 'address', 'add', `${this.outside6}/64`, 'dev', 'eth0', 'nodad');
    inside(outside, 'link', 'set', 'eth0', 'up');
    inside(outside, 'route', 'add', 'default', 'via', `10.${number}.2.1`);
    inside(outside, '-6', 'route', 'add', 'default', 'via', `fd77:${number}:2::1`);
    run('ip', 'route', 'add', `10.${number}.2.0/24`, 'via', `10.${number}.1.2`);
    run('ip', '-6', 'route', 'add', `fd77:${number}:2::/64`, 'via', `fd77:${number}:1::2`);
  }

  /** Lets the outside send to a container network by way of the host, as a neighbour who guesses addresses would. */
  routeToContainers(subnet: string): void {
    const six = subnet.includes(':');
    const family = six ? ['-6'] : [];
    run('ip', '-n', `${this.#tag}r`, ...family, 'route', 'add', subnet, 'via', six ? this.host6 : this.host4);
  }

  async remove(): Promise<void> {
    await this.peer?.stop();
    spawnSync('ip', ['link', 'delete', `${this.#tag}h`]);
    for (const end of ['r', 'o']) spawnSync('ip', ['netns', 'delete', `${this.#tag}${end}`]);
  }
}
