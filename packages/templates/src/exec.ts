import { Budget, type TemplateLimits, UNLIMITED } from './budget.ts';
import { type FunctionTable, functions, TypeMismatch } from './functions.ts';
import { TemplateError } from './lex.ts';
import { FieldError, type MissingKey, member } from './members.ts';
import { type Argument, type Command, type Node, type Pipe, show, showPipe, type Template } from './nodes.ts';
import { parseTemplate } from './parse.ts';
import { indirect, pairsOf, print, printResult, truth } from './value.ts';

export type { TemplateLimits } from './budget.ts';
export type { MissingKey } from './members.ts';

interface Variable {
  name: string;
  value: unknown;
}

type Called = Extract<Argument, { kind: 'function' }>;
/** The value that the pipeline hands to a command as its last argument. */
type Piped = { value: unknown } | undefined;

class Break extends Error {}
class Continue extends Error {}

/**
 * Bodies of `if`, `with`, `range` and templates in each other: Go's own limit of 100,000 would overflow the
 * interpreter's stack.
 */
const DEEPEST = 1000;

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
  /** Lists of nodes in each other, through templates too. */
  private depth = 0;
  private readonly budget: Budget;

  constructor(
    template: Template,
    table: FunctionTable,
    data: unknown,
    missing: MissingKey,
    limits: TemplateLimits,
  ) {
    this.budget = new Budget(limits);
    this.template = template;
    this.functions = table;
    this.missing = missing;
    this.data = data;
    this.variables = [{ name: '$', value: data }];
  }

  run(): string {
    this.walkAll(this.template.nodes, this.data);
    return this.budget.text(this.output);
  }

  private fail(at: number, what: string, message: string): never {
    const before = this.template.source.slice(0, at);
    const column = Buffer.byteLength(before.slice(before.lastIndexOf('\n') + 1));
    const line = before.split('\n').length;
    throw new TemplateError(`template: :${line}:${column}: executing "" at <${what}>: ${message}`);
  }

  private walkAll(nodes: Node[], dot: unknown): void {
    if (++this.depth > DEEPEST)
      throw new TemplateError(`template: : exceeded maximum template depth (${DEEPEST})`);
    const scope = this.variables.length;
    for (const node of nodes) this.walk(node, dot);
    this.variables.length = scope;
    this.depth--;
  }

  private walk(node: Node, dot: unknown): void {
    this.budget.step();
    this.budget.text(this.output);
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
        if (truth(value)) this.walkAll(node.body, node.kind === 'with' ? value : dot);
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
        const value = node.pipe ? this.pipe(node.pipe, dot) : null;
        const outer = this.variables;
        this.variables = [{ name: '$', value }];
        this.walkAll(body!, value);
        this.variables = outer;
      }
    }
  }

  private range(node: Extract<Node, { kind: 'if' | 'with' | 'range' }>, dot: unknown): void {
    const scope = this.variables.length;
    const { declares, assigns } = node.pipe;
    const value = indirect(this.pipe(node.pipe, dot, false));
    if (typeof value === 'number') this.budget.step(Math.max(0, value));
    const pairs = pairsOf(value);
    if (!pairs && value !== null && value !== undefined)
      this.fail(node.pipe.at, showPipe(node.pipe), `range can't iterate over ${print(value)}`);
    const inner = this.variables.length;
    const { depth } = this;
    for (const [key, element] of pairs ?? []) {
      this.budget.step();
      const values = declares.length === 2 ? [key, element] : [element];
      for (const [index, name] of declares.entries()) this.bind(name, values[index], assigns);
      try {
        this.walkAll(node.body, element);
      } catch (error) {
        if (error instanceof Break) break;
        if (!(error instanceof Continue)) throw error;
      } finally {
        this.variables.length = inner;
        this.depth = depth;
      }
    }
    if (!pairs?.length) this.walkAll(node.otherwise, dot);
    this.variables.length = scope;
  }

  /** Declares a variable, or gives the innermost of that name another value. */
  private bind(name: string, value: unknown, assigns: boolean): void {
    const variable = this.variables.findLast((one) => one.name === name);
    if (!assigns) this.variables.push({ name, value });
    else if (variable) variable.value = value;
  }

  private pipe(pipe: Pipe, dot: unknown, declare = true): unknown {
    let value: unknown;
    pipe.commands.forEach((command, index) => {
      value = this.command(command, dot, index > 0 ? { value } : undefined);
    });
    if (declare) for (const name of pipe.declares) this.bind(name, value, pipe.assigns);
    return value;
  }

  private command(command: Command, dot: unknown, last: Piped): unknown {
    this.budget.step();
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
    try {
      return this.budget.text(member(receiver, name, args, this.missing));
    } catch (error) {
      if (error instanceof FieldError) this.fail(node.at, show(node), error.message);
      throw error;
    }
  }

  /** `and` and `or`, the only functions that need not look at all their arguments. */
  private choose({ name, at }: Called, rest: readonly Argument[], dot: unknown, last: Piped): unknown {
    let value: unknown;
    if (!rest.length && !last) this.fail(at, name, `wrong number of args for ${name}: want at least 1 got 0`);
    for (const argument of rest) {
      value = this.argument(argument, dot);
      if (truth(value) === (name === 'or')) return value;
    }
    return last ? last.value : value;
  }

  private call(node: Called, rest: readonly Argument[], dot: unknown, last: Piped): unknown {
    const { name } = node;
    if (name === 'and' || name === 'or') return this.choose(node, rest, dot, last);
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
      return this.budget.text(target.run(...args));
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
