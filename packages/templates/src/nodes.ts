/* The tree of a parsed template, and Go's text of its parts for messages. */

/** An argument of a command in an action. */
export type Argument = { at: number } & (
  | { kind: 'dot' }
  | { kind: 'nil' }
  | { kind: 'constant'; value: string | number | boolean; text: string }
  | { kind: 'field'; names: string[] }
  | { kind: 'variable'; name: string; names: string[] }
  | { kind: 'function'; name: string }
  | { kind: 'pipe'; pipe: Pipe }
  | { kind: 'chain'; of: Argument; names: string[] }
);

export interface Command {
  arguments: Argument[];
  at: number;
}

export interface Pipe {
  commands: Command[];
  declares: string[];
  assigns: boolean;
  at: number;
}

export type Node =
  | { kind: 'text'; text: string }
  | { kind: 'action'; pipe: Pipe }
  | { kind: 'if' | 'with' | 'range'; pipe: Pipe; body: Node[]; otherwise: Node[] }
  | { kind: 'break' | 'continue' }
  | { kind: 'template'; name: string; pipe: Pipe | undefined; at: number };

export interface Template {
  nodes: Node[];
  /** Templates made by `define` and `block`. */
  named: Map<string, Node[]>;
  source: string;
}

/** Go's text of an argument, for messages. */
export function show(argument: Argument): string {
  switch (argument.kind) {
    case 'dot':
      return '.';
    case 'nil':
      return 'nil';
    case 'constant':
      return argument.text;
    case 'field':
      return `.${argument.names.join('.')}`;
    case 'variable':
      return [argument.name, ...argument.names].join('.');
    case 'function':
      return argument.name;
    case 'pipe':
      return `(${showPipe(argument.pipe)})`;
    case 'chain':
      return `${show(argument.of)}.${argument.names.join('.')}`;
  }
}

/** The text of a pipeline as Go's text/template writes it in errors. */
export function showPipe(pipe: Pipe): string {
  const left = pipe.declares.length ? `${pipe.declares.join(', ')} ${pipe.assigns ? '=' : ':='} ` : '';
  return left + pipe.commands.map((command) => command.arguments.map(show).join(' ')).join(' | ');
}
