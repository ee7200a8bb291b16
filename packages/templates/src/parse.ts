import { Cursor, keywords } from './cursor.ts';
import { lex, type Token } from './lex.ts';
import { number, unquote } from './literals.ts';
import { type Argument, type Command, type Node, type Pipe, show, type Template } from './nodes.ts';

/**
 * Parentheses and control structures in each other: each level takes some frames of the interpreter's stack, which a
 * template of thousands would overflow.
 */
const DEEPEST = 200;

/** Parses a template. `known` are the functions there are. Throws TemplateError, also for one that nests too deeply. */
export function parseTemplate(source: string, known: ReadonlySet<string>): Template {
  return new Parser(source, known).template();
}

class Parser extends Cursor {
  private readonly source: string;
  private readonly known: ReadonlySet<string>;
  private readonly named = new Map<string, Node[]>();
  private readonly variables: string[] = ['$'];
  private loops = 0;
  private depth = 0;

  constructor(source: string, known: ReadonlySet<string>) {
    super(lex(source));
    this.source = source;
    this.known = known;
  }

  template(): Template {
    const { nodes, stop } = this.list();
    if (stop !== '') this.fail(`unexpected {{${stop}}}`);
    return { nodes, named: this.named, source: this.source };
  }

  /** One level further in. @throws TemplateError where there are too many. */
  private within<T>(read: () => T): T {
    if (++this.depth > DEEPEST) this.fail(`it nests more than ${DEEPEST} levels deep`);
    const result = read();
    this.depth--;
    return result;
  }

  /** Nodes up to an `end`, an `else` or the end of the text; `stop` says which. */
  private list(): { nodes: Node[]; stop: '' | 'end' | 'else' } {
    const nodes: Node[] = [];
    for (;;) {
      const token = this.tokens[this.next]!;
      if (token.kind === 'end') return { nodes, stop: '' };
      this.next++;
      if (token.kind === 'text') {
        nodes.push({ kind: 'text', text: token.text });
        continue;
      }
      const first = this.peek();
      if (first.kind === 'identifier' && keywords.has(first.text) && first.text !== 'nil') {
        this.next++;
        switch (first.text) {
          case 'end':
            this.expect('close', 'end');
            return { nodes, stop: 'end' };
          case 'else':
            return { nodes, stop: 'else' };
          case 'if':
          case 'with':
          case 'range': {
            const kind = first.text;
            nodes.push(this.within(() => this.control(kind)));
            continue;
          }
          case 'break':
          case 'continue':
            if (!this.loops) this.fail(`{{${first.text}}} outside {{range}}`, first);
            this.expect('close', `{{${first.text}}}`);
            nodes.push({ kind: first.text });
            continue;
          case 'define':
          case 'block': {
            const name = unquote(this.expect('string', `${first.text} clause`).text);
            const pipe = first.text === 'block' ? this.pipe('block clause') : undefined;
            if (first.text === 'define') this.expect('close', 'define clause');
            const body = this.within(() => this.list());
            if (body.stop !== 'end') this.fail('unexpected EOF');
            this.named.set(name, body.nodes);
            if (pipe) nodes.push({ kind: 'template', name, pipe, at: first.at });
            continue;
          }
          case 'template': {
            const name = unquote(this.expect('string', 'template clause').text);
            const pipe = this.peek().kind === 'close' ? undefined : this.pipe('template clause');
            if (!pipe) this.expect('close', 'template clause');
            nodes.push({ kind: 'template', name, pipe, at: first.at });
            continue;
          }
        }
      }
      nodes.push({ kind: 'action', pipe: this.pipe('command') });
    }
  }

  private control(kind: 'if' | 'with' | 'range'): Node {
    const scope = this.variables.length;
    const pipe = this.pipe(kind);
    if (kind === 'range') this.loops++;
    const body = this.list();
    if (kind === 'range') this.loops--;
    let otherwise: Node[] = [];
    if (body.stop === 'else') {
      const after = this.peek();
      if (after.kind === 'identifier' && after.text === kind && kind !== 'range') {
        this.next++;
        otherwise = [this.within(() => this.control(kind))];
        this.variables.length = scope;
        return { kind, pipe, body: body.nodes, otherwise };
      }
      this.expect('close', 'else');
      const rest = this.list();
      if (rest.stop === 'else') this.fail('expected end; found {{else}}');
      if (rest.stop === '') this.fail('unexpected EOF');
      otherwise = rest.nodes;
    } else if (body.stop === '') this.fail('unexpected EOF');
    this.variables.length = scope;
    return { kind, pipe, body: body.nodes, otherwise };
  }

  /** A pipeline with the declarations before it, up to the closing of the action. */
  private pipe(context: string, end: 'close' | 'right' = 'close'): Pipe {
    const at = this.peek().at;
    const pipe: Pipe = { commands: [], declares: [], assigns: false, at };
    this.declarations(pipe, context);
    for (;;) {
      const token = this.peek();
      if (token.kind === end) {
        this.next++;
        if (pipe.commands.length === 0) this.fail(`missing value for ${context}`, token);
        pipe.commands.forEach((command, index) => {
          const [first] = command.arguments;
          if (index > 0 && ['constant', 'nil', 'dot'].includes(first!.kind))
            this.fail(`non executable command in pipeline stage ${index + 1}`, token);
        });
        return pipe;
      }
      pipe.commands.push(this.command(context));
    }
  }

  private declarations(pipe: Pipe, context: string): void {
    const mark = this.next;
    const names: string[] = [];
    while (this.peek().kind === 'variable') {
      names.push(this.take().text);
      const token = this.peek();
      if (token.kind === 'declare' || token.kind === 'assign') {
        this.next++;
        pipe.declares = names;
        pipe.assigns = token.kind === 'assign';
        if (pipe.assigns) for (const name of names) this.known$(name);
        else this.variables.push(...names);
        return;
      }
      if (token.kind !== 'comma' || context !== 'range' || names.length > 1) break;
      this.next++;
    }
    this.next = mark;
  }

  private known$(name: string): void {
    if (!this.variables.includes(name)) this.fail(`undefined variable ${JSON.stringify(name)}`);
  }

  private command(context: string): Command {
    const args: Argument[] = [];
    const at = this.peek().at;
    for (;;) {
      const argument = this.operand();
      if (argument) args.push(argument);
      const token = this.tokens[this.next]!;
      if (token.kind === 'space') {
        this.next++;
        continue;
      }
      if (token.kind === 'pipe') {
        this.next++;
        const after = this.peek();
        if (after.kind === 'close' || after.kind === 'right')
          this.fail(`missing value for ${context}`, after);
        break;
      }
      if (token.kind === 'close' || token.kind === 'right') break;
      if (!argument || token.kind === 'end' || token.kind === 'open')
        this.unexpected(token, argument ? 'operand' : context);
      if (['comma', 'assign', 'declare'].includes(token.kind)) this.unexpected(token, 'operand');
      this.unexpected(token, 'operand');
    }
    if (args.length === 0) this.fail('empty command');
    return { arguments: args, at };
  }

  private operand(): Argument | undefined {
    const start = this.term();
    if (!start) return undefined;
    const fields: Token[] = [];
    while (this.tokens[this.next]!.kind === 'field') fields.push(this.tokens[this.next++]!);
    if (!fields.length) return start;
    const names = fields.map((token) => token.text.slice(1));
    const at = fields[0]!.at;
    switch (start.kind) {
      case 'field':
        return { kind: 'field', names: [...start.names, ...names], at };
      case 'variable':
        return { kind: 'variable', name: start.name, names: [...start.names, ...names], at };
      case 'constant':
      case 'nil':
      case 'dot':
        return this.fail(`unexpected . after term ${JSON.stringify(show(start))}`);
      default:
        return { kind: 'chain', of: start, names, at };
    }
  }

  private term(): Argument | undefined {
    const token = this.peek();
    const { at, text } = token;
    const use = <T>(value: T): T => {
      this.next++;
      return value;
    };
    switch (token.kind) {
      case 'identifier':
        if (text === 'true' || text === 'false')
          return use({ kind: 'constant', value: text === 'true', text, at });
        if (text === 'nil') return use({ kind: 'nil', at });
        this.next++;
        if (!this.known.has(text)) this.fail(`function ${JSON.stringify(text)} not defined`, token);
        return { kind: 'function', name: text, at };
      case 'dot':
        return use({ kind: 'dot', at });
      case 'variable':
        this.next++;
        this.known$(text);
        return { kind: 'variable', name: text, names: [], at };
      case 'field':
        return use({ kind: 'field', names: [text.slice(1)], at });
      case 'string':
        return use({ kind: 'constant', value: unquote(text), text, at });
      case 'char':
        return use({ kind: 'constant', value: unquote(text).codePointAt(0) ?? 0, text, at });
      case 'number':
        return use({ kind: 'constant', value: number(text), text, at });
      case 'left': {
        this.next++;
        return { kind: 'pipe', pipe: this.within(() => this.pipe('parenthesized pipeline', 'right')), at };
      }
      default:
        return undefined;
    }
  }
}
