import type { AnyCommand } from './command.ts';

/** A command whose module is loaded when it is called. */
export interface Leaf {
  readonly about: string;
  readonly load: () => Promise<{ default: AnyCommand }>;
  /** Other names. */
  readonly also?: readonly string[];
  readonly hidden?: boolean;
}

export interface Group {
  readonly about: string;
  readonly commands: Readonly<Record<string, Leaf>>;
  readonly also?: readonly string[];
  readonly hidden?: boolean;
}

export type Node = Leaf | Group;
/** Whether a node has commands below it. */
export const isGroup = (node: Node): node is Group => 'commands' in node;

/** The whole command line: what stands first. */
export type Tree = Readonly<Record<string, Node>>;

/** The command of a group by its name or another of its names. */
export function find(commands: Group['commands'], name: string): Leaf | undefined {
  if (Object.hasOwn(commands, name)) return commands[name];
  return Object.values(commands).find((node) => node.also?.includes(name));
}

/**
 * The first word of a command line. Only full names count: `berth remove` is no command, `berth container remove` is.
 */
export function findTop(tree: Tree, name: string): Node | undefined {
  return Object.hasOwn(tree, name) ? tree[name] : undefined;
}
