import type { Instruction } from './types.ts';
import { expandWord, type Lookup } from './words.ts';

/** The names an ARG declares, with their defaults, variables expanded. */
export function declarations(
  { args }: Instruction,
  lookup: Lookup,
  escaper: string,
): Array<[name: string, value: string | undefined]> {
  return args.map((arg) => {
    const equals = arg.indexOf('=');
    if (equals < 0) return [expandWord(arg, lookup, escaper), undefined];
    return [
      expandWord(arg.slice(0, equals), lookup, escaper),
      expandWord(arg.slice(equals + 1), lookup, escaper),
    ];
  });
}

/** Arguments known before and in a stage. */
export class BuildArguments {
  /** The build arguments that the client gave. */
  private readonly given: ReadonlyMap<string, string | null>;
  /** The names that this stage declares, in order and as often as it does. */
  readonly order: string[] = [];
  /** Declared in this stage, with default. */
  private readonly declared = new Map<string, string | undefined>();
  private readonly meta: ReadonlyMap<string, string | undefined>;
  readonly used: Set<string>;
  /** The variables of the stage below (BuildKit: a stage goes on with the variables of the one it stands on). */
  inherited: ReadonlyMap<string, string | undefined> = new Map();

  constructor(
    given: Record<string, string | null>,
    meta: ReadonlyMap<string, string | undefined> = new Map(),
    used = new Set<string>(),
  ) {
    // A map: any name may be declared, `constructor` too.
    this.given = new Map(Object.entries(given));
    this.meta = meta;
    this.used = used;
  }

  declare(name: string, byDefault: string | undefined): void {
    this.order.push(name);
    this.declared.set(name, byDefault ?? this.meta.get(name));
    this.used.add(name);
  }

  get(name: string): string | undefined {
    if (this.declared.has(name)) {
      const given = this.given.get(name);
      return given ?? this.declared.get(name) ?? this.inherited.get(name);
    }
    if (this.inherited.has(name)) return this.inherited.get(name);
    if (predefined.has(name)) {
      const given = this.given.get(name);
      if (given !== undefined && given !== null) {
        this.used.add(name);
        return given;
      }
    }
    return undefined;
  }

  /** The variables that RUN sees: all with a value, `predefined` ones included only in `env`. */
  forRun(env: ReadonlySet<string>): Array<[name: string, value: string, inKey: boolean]> {
    const names = new Set([
      ...this.inherited.keys(),
      ...this.declared.keys(),
      ...[...this.given.keys()].filter((name) => predefined.has(name)),
    ]);
    const out: Array<[string, string, boolean]> = [];
    for (const name of [...names].sort()) {
      const value = this.get(name);
      if (value !== undefined && !env.has(name)) out.push([name, value, this.declared.has(name)]);
    }
    return out;
  }

  /** Arguments that the client gave and nothing declared. */
  unused(): string[] {
    return [...this.given.keys()].filter((name) => !this.used.has(name) && !predefined.has(name)).sort();
  }

  /** All arguments known at the end of the stage. */
  all(): ReadonlyMap<string, string | undefined> {
    return new Map([...this.inherited, ...this.asMeta()]);
  }

  asMeta(): ReadonlyMap<string, string | undefined> {
    return new Map([...this.declared.keys()].map((name) => [name, this.get(name)]));
  }
}

/** Proxy settings need no ARG and stay out of history and cache keys (Dockerfile reference, "Predefined ARGs"). */
const predefined = new Set(
  ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'].flatMap((name) => [
    name,
    name.toLowerCase(),
  ]),
);
