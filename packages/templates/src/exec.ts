import { type FunctionTable, functions, TypeMismatch } from './functions.ts';
import { TemplateError } from './lex.ts';
import {
  type Argument,
  type Command,
  type Node,
  type Pipe,
  parseTemplate,
  show,
  showPipe,
  type Template,
} from './parse.ts';
import {
  elements,
  entries,
  type GoType,
  indirect,
  isGoObject,
  print,
  Typed,
  truth,
  typed,
  typeName,
} from './value.ts';

interface Variable {
  name: string;
  value: unknown;
}

class Break extends Error {}
class Continue extends Error {}

/** The behaviour of a template for a map's key that is not there. */
export type MissingKey = 'default' | 'error';

/** The most that one use of a template may cost: steps (actions, passes of a range, commands), and characters of a text. */
export interface TemplateLimits {
  steps: number;
  size: number;
}

const UNLIMITED: TemplateLimits = { steps: Infinity, size: Infinity };

/** A parsed template, ready to be used on many values. */
export class GoTemplate {
  private readonly template: Template;
  private readonly functions: FunctionTable;

  /** Throws TemplateError when the text is no template. */
  constructor(source: string, extra: FunctionTable = {}) {
    this.functions = { ...functions, ...extra };
    this.template = parseTemplate(source, new Set(Object.keys(this.functions)));
  }

  /**
   * The text for a value. Throws TemplateError, worded as Go does. `overrides` stand in for functions; `limits` are for
   * templates of others, which may repeat themselves without end.
   */
  execute(
    data: unknown,
    missing: MissingKey = 'default',
    overrides: FunctionTable = {},
    limits: TemplateLimits = UNLIMITED,
  ): string {
    return new Execution(this.template, { ...this.functions, ...overrides }, data, missing, limits).run();
  }
}

class Execution {
  private readonly template: Template;
  private readonly functions: FunctionTable;
  private readonly missing: MissingKey;
  private variables: Variable[];
  private readonly data: unknown;
  private output = '';
  private depth = 0;
  private steps = 0;
  private readonly limits: TemplateLimits;

  constructor(
    template: Template,
    table: FunctionTable,
    data: unknown,
    missing: MissingKey,
    limits: TemplateLimits,
  ) {
    this.limits = limits;
    this.template = template;
    this.functions = table;
    this.missing = missing;
    this.data = data;
    this.variables = [{ name: '$', value: data }];
  }

  run(): string {
    this.walkAll(this.template.nodes, this.data);
    return this.sized(this.output);
  }

  private fail(at: number, what: string, message: string): never {
    const before = this.template.source.slice(0, at);
    const column = Buffer.byteLength(before.slice(before.lastIndexOf('\n') + 1));
    const line = before.split('\n').length;
    throw new TemplateError(`template: :${line}:${column}: executing "" at <${what}>: ${message}`);
  }

  private step(count = 1): void {
    this.steps += count;
    if (this.steps > this.limits.steps)
      throw new TemplateError(`template: : it takes more than ${this.limits.steps} steps`);
  }

  /** @throws TemplateError for a text that is longer than it may be. */
  private sized<T>(value: T): T {
    if (typeof value === 'string' && value.length > this.limits.size)
      throw new TemplateError(`template: : a text in it has more than ${this.limits.size} characters`);
    return value;
  }

  private walkAll(nodes: Node[], dot: unknown): void {
    const scope = this.variables.length;
    for (const node of nodes) this.walk(node, dot);
    this.variables.length = scope;
  }

  private walk(node: Node, dot: unknown): void {
    this.step();
    this.sized(this.output);
    switch (node.kind) {
      case 'text':
        this.output += node.text;
        return;
      case 'action': {
        const value = this.pipe(node.pipe, dot);
        if (!node.pipe.declares.length) this.output += printResult(value);
        return;
      }
      case 'if':
      case 'with': {
        const scope = this.variables.length;
        const value = this.pipe(node.pipe, dot);
        const held = truth(value);
        if (held) this.walkAll(node.body, node.kind === 'with' ? value : dot);
        else this.walkAll(node.otherwise, dot);
        this.variables.length = scope;
        return;
      }
      case 'range':
        this.range(node, dot);
        return;
      case 'break':
        throw new Break();
      case 'continue':
        throw new Continue();
      case 'template': {
        const body = this.template.named.get(node.name);
        if (!body)
          this.fail(
            node.at,
            `{{template ${JSON.stringify(node.name)}}}`,
            `template ${JSON.stringify(node.name)} not defined`,
          );
        if (++this.depth > 1000) this.fail(node.at, node.name, 'exceeded maximum template depth (1000)');
        const value = node.pipe ? this.pipe(node.pipe, dot) : null;
        const outer = this.variables;
        this.variables = [{ name: '$', value }];
        this.walkAll(body!, value);
        this.variables = outer;
        this.depth--;
      }
    }
  }

  private range(node: Extract<Node, { kind: 'if' | 'with' | 'range' }>, dot: unknown): void {
    const scope = this.variables.length;
    const { declares, assigns } = node.pipe;
    const value = indirect(this.pipe(node.pipe, dot, false));
    const list = elements(value);
    if (typeof value === 'number') this.step(Math.max(0, value));
    const pairs: [unknown, unknown][] | undefined =
      typeof value === 'number'
        ? Array.from({ length: value }, (_, index) => [index, index])
        : (list?.map((element, index) => [index, element]) ?? entries(value));
    if (!pairs && value !== null && value !== undefined)
      this.fail(node.pipe.at, showPipe(node.pipe), `range can't iterate over ${print(value)}`);
    const inner = this.variables.length;
    for (const [key, element] of pairs ?? []) {
      this.step();
      const values = declares.length === 2 ? [key, element] : [element];
      declares.forEach((name, index) => {
        if (assigns) this.assign(name, values[index]);
        else this.variables.push({ name, value: values[index] });
      });
      try {
        this.walkAll(node.body, element);
      } catch (error) {
        if (error instanceof Break) break;
        if (!(error instanceof Continue)) throw error;
      } finally {
        this.variables.length = inner;
      }
    }
    if (!pairs?.length) this.walkAll(node.otherwise, dot);
    this.variables.length = scope;
  }

  private assign(name: string, value: unknown): void {
    const variable = this.variables.findLast((one) => one.name === name);
    if (variable) variable.value = value;
  }

  private pipe(pipe: Pipe, dot: unknown, declare = true): unknown {
    let value: unknown;
    pipe.commands.forEach((command, index) => {
      value = this.command(command, dot, index > 0 ? { value } : undefined);
    });
    if (declare)
      for (const name of pipe.declares) {
        if (pipe.assigns) this.assign(name, value);
        else this.variables.push({ name, value });
      }
    return value;
  }

  private command(command: Command, dot: unknown, last: { value: unknown } | undefined): unknown {
    this.step();
    const [first, ...rest] = command.arguments as [Argument, ...Argument[]];
    const extra = (): unknown[] => [
      ...rest.map((one) => this.argument(one, dot)),
      ...(last ? [last.value] : []),
    ];
    switch (first.kind) {
      case 'function':
        return this.call(first, rest, dot, last);
      case 'field':
        return this.fields(dot, first.names, first, extra);
      case 'variable':
        return this.fields(this.variable(first.name), first.names, first, extra);
      case 'chain':
        return this.fields(this.argument(first.of, dot), first.names, first, extra);
      case 'pipe':
        if (rest.length || last)
          this.fail(first.at, show(first), `can't give argument to non-function ${show(first)}`);
        return this.pipe(first.pipe, dot);
      case 'nil':
        return this.fail(first.at, 'nil', 'nil is not a command');
      default:
        if (rest.length || last)
          this.fail(first.at, show(first), `can't give argument to non-function ${show(first)}`);
        return this.argument(first, dot);
    }
  }

  private argument(argument: Argument, dot: unknown): unknown {
    switch (argument.kind) {
      case 'dot':
        return dot;
      case 'nil':
        return null;
      case 'constant':
        return argument.value;
      case 'field':
        return this.fields(dot, argument.names, argument);
      case 'variable':
        return this.fields(this.variable(argument.name), argument.names, argument);
      case 'function':
        return this.call(argument, [], dot, undefined);
      case 'pipe':
        return this.pipe(argument.pipe, dot);
      case 'chain':
        return this.fields(this.argument(argument.of, dot), argument.names, argument);
    }
  }

  private variable(name: string): unknown {
    return this.variables.findLast((one) => one.name === name)?.value;
  }

  private fields(start: unknown, names: readonly string[], node: Argument, extra?: () => unknown[]): unknown {
    let value = start;
    names.forEach((name, index) => {
      value = this.field(value, name, node, index === names.length - 1 ? extra?.() : undefined);
    });
    if (names.length === 0 && extra?.().length)
      this.fail(node.at, show(node), `can't give argument to non-function ${show(node)}`);
    return value;
  }

  private field(receiver: unknown, name: string, node: Argument, args: unknown[] = []): unknown {
    const fail = (message: string): never => this.fail(node.at, show(node), message);
    if (receiver === undefined) {
      if (this.missing === 'error') fail(`nil data; no entry for key ${JSON.stringify(name)}`);
      return undefined;
    }
    if (receiver === null) return fail(`nil pointer evaluating interface {}.${name}`);
    if (isGoObject(receiver)) {
      const method = receiver.method(name);
      if (!method) fail(`can't evaluate field ${name} in type ${receiver.goType}`);
      if (method!.length !== args.length)
        fail(`wrong number of args for ${name}: want ${method!.length} got ${args.length}`);
      return this.sized(method!(...args));
    }
    const value = indirect(receiver);
    if (value === null) return fail(`nil pointer evaluating ${typeName(receiver)}.${name}`);
    if (value instanceof Typed && value.type.kind === 'struct') {
      const field = value.type.fields().find((one) => one.name === name);
      if (!field) fail(`can't evaluate field ${name} in type ${typeName(receiver)}`);
      if (args.length) fail(`${name} has arguments but cannot be invoked as function`);
      return typed(field!.type, (value.value as Record<string, unknown> | undefined)?.[field!.json]);
    }
    const isTypedMap = value instanceof Typed && value.type.kind === 'map';
    if (isTypedMap || (!(value instanceof Typed) && entries(value))) {
      if (args.length) fail(`${name} is not a method but has arguments`);
      const map = (isTypedMap ? (value as Typed).value : value) as Record<string, unknown> | null | undefined;
      if (!map || !Object.hasOwn(map, name)) {
        if (this.missing === 'error') fail(`map has no entry for key ${JSON.stringify(name)}`);
        return undefined;
      }
      return isTypedMap ? typed(((value as Typed).type as { of: GoType }).of, map[name]) : map[name];
    }
    return fail(
      `can't evaluate field ${name} in type ${value instanceof Typed ? typeName(receiver) : 'interface {}'}`,
    );
  }

  private call(
    node: Extract<Argument, { kind: 'function' }>,
    rest: readonly Argument[],
    dot: unknown,
    last: { value: unknown } | undefined,
  ): unknown {
    const { name } = node;
    if (name === 'and' || name === 'or') {
      // The only ones that need not look at all their arguments.
      let value: unknown;
      const count = rest.length + (last ? 1 : 0);
      if (!count) this.fail(node.at, name, `wrong number of args for ${name}: want at least 1 got 0`);
      for (const argument of rest) {
        value = this.argument(argument, dot);
        if (truth(value) === (name === 'or')) return value;
      }
      return last ? last.value : value;
    }
    const args = rest.map((one) => this.argument(one, dot));
    if (last) args.push(last.value);
    const target = this.functions[name]!;
    const [least, most] = target.count;
    if (args.length < least || args.length > most)
      this.fail(
        node.at,
        name,
        `wrong number of args for ${name}: want ${most === least ? least : `at least ${least}`} got ${args.length}`,
      );
    try {
      return this.sized(target.run(...args));
    } catch (error) {
      if (error instanceof TypeMismatch) {
        const at = rest[error.index] ?? node;
        return this.fail(at.at, show(at), error.message);
      }
      return this.fail(node.at, showCall(node, rest), `error calling ${name}: ${(error as Error).message}`);
    }
  }
}

const showCall = (node: Argument, rest: readonly Argument[]): string => [node, ...rest].map(show).join(' ');

/** Prints the result of an action: a pointer prints the value it points to. */
function printResult(value: unknown): string {
  if (value === null) return '<no value>';
  return print(value instanceof Typed && value.type.kind === 'pointer' ? (indirect(value) ?? value) : value);
}
