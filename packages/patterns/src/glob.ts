/**
 * Shell patterns (Go's path.Match, moby's patternmatcher, the shell's parameter expansion), matched by a bit-parallel
 * automaton: the cost is the length of the text times the length of the pattern over 32, whatever the pattern is. A
 * backtracking matcher would let one pattern hold the event loop for minutes.
 */

/** A pattern that is none, in Go's words. */
export class BadPatternError extends Error {
  constructor() {
    super('syntax error in pattern');
  }
}

/** The characters that one position of a pattern takes: one by code point, or any of a kind. */
type Token =
  | { kind: 'literal'; point: number }
  | { kind: 'any' }
  | { kind: 'class'; negated: boolean; ranges: Array<[number, number]> };

export interface GlobOptions {
  /** `**` goes over several folders (moby's patternmatcher); without it, two stars are two stars. */
  deep?: boolean;
  /** `[...]` is a class of characters. */
  classes?: boolean;
  /** The character that `*` and `?` do not match; '' for none. */
  separator?: string;
}

const SLASH = 0x2f;
/** Masks are kept for so many different characters of the texts; more are worked out each time. */
const KEPT_MASKS = 512;

/** A compiled pattern; make one with `compileGlob`. */
export class Glob {
  private readonly tokens: Token[];
  private readonly words: number;
  private readonly separator: number;
  /** Bit i: after i tokens, any number of characters but the separator may follow. */
  private readonly stars: Uint32Array;
  /** Bit i: after i tokens, any number of characters may follow. */
  private readonly deepStars: Uint32Array;
  /** Bit i: after i tokens, folders (`x/y/`) may follow. */
  private readonly folders: Uint32Array;
  private readonly masks = new Map<number, Uint32Array>();
  /** The whole pattern where it has no wildcard. */
  private readonly plain: string | undefined;
  /** The text that every match begins with. */
  private readonly prefix: string;

  constructor(
    tokens: Token[],
    marks: { stars: number[]; deepStars: number[]; folders: number[] },
    separator: number,
  ) {
    this.tokens = tokens;
    this.words = (tokens.length >>> 5) + 1;
    this.separator = separator;
    this.stars = this.bits(marks.stars);
    this.deepStars = this.bits(marks.deepStars);
    this.folders = this.bits(marks.folders);
    const wild = [marks.stars[0], marks.deepStars[0], marks.folders[0]].map((at) => at ?? tokens.length);
    const special = tokens.findIndex(({ kind }) => kind !== 'literal');
    const literal = Math.min(...wild, special === -1 ? tokens.length : special);
    this.prefix = tokens
      .slice(0, literal)
      .map((token) => String.fromCodePoint((token as { point: number }).point))
      .join('');
    const wilds = marks.stars.length + marks.deepStars.length + marks.folders.length;
    this.plain = wilds === 0 && special === -1 ? this.prefix : undefined;
  }

  /** Whether the whole text matches. */
  test(text: string): boolean {
    if (this.plain !== undefined) return text === this.plain;
    if (text.length < this.tokens.length || !text.startsWith(this.prefix)) return false;
    let matched = false;
    this.run(text, 0, false, (_end, accepted) => {
      matched = accepted;
      return true;
    });
    return matched;
  }

  /** Whether the path, or a folder that it is in, matches: one pass, however deep the path is. */
  testWithParents(path: string): boolean {
    if (this.plain !== undefined)
      return path === this.plain || (path.startsWith(this.plain) && path[this.plain.length] === '/');
    if (!path.startsWith(this.prefix)) return false;
    let found = false;
    this.run(path, 0, false, (end, accepted) => {
      if (accepted && (end === path.length || path[end] === '/')) found = true;
      return !found;
    });
    return found;
  }

  /**
   * The ends of all prefixes of `text.slice(from)` that match: calls `visit` with each index at which the text read so
   * far is, or is not, a match; reading ends when `visit` returns false or nothing more can match.
   */
  run(
    text: string,
    from: number,
    anywhere: boolean,
    visit: (end: number, accepted: boolean) => boolean,
  ): void {
    const { words } = this;
    const final = this.tokens.length;
    let state = new Uint32Array(words);
    let next = new Uint32Array(words);
    const inFolders = new Uint32Array(words);
    state[0] = 1;
    this.enterFolders(state, inFolders);
    let at = from;
    for (;;) {
      const accepted = ((state[final >>> 5]! >>> (final & 31)) & 1) === 1;
      if (!visit(at, accepted) || at >= text.length) return;
      const point = text.codePointAt(at)!;
      at += point > 0xffff ? 2 : 1;
      const mask = this.mask(point);
      const inside = point !== this.separator;
      let carry = 0;
      let alive = 0;
      for (let word = 0; word < words; word++) {
        const old = state[word]!;
        const taken = old & mask[word]!;
        let value = (taken << 1) | carry;
        carry = taken >>> 31;
        value |= old & this.deepStars[word]!;
        if (inside) value |= old & this.stars[word]!;
        if (point === SLASH) value |= inFolders[word]!;
        next[word] = value;
        alive |= value | inFolders[word]!;
      }
      if (anywhere) {
        next[0]! |= 1;
        alive = 1;
      }
      this.enterFolders(next, inFolders);
      [state, next] = [next, state];
      if (alive === 0) {
        visit(at, false);
        return;
      }
    }
  }

  private enterFolders(state: Uint32Array, inFolders: Uint32Array): void {
    for (let word = 0; word < this.words; word++) inFolders[word]! |= state[word]! & this.folders[word]!;
  }

  /** Bit i: token i takes the character. */
  private mask(point: number): Uint32Array {
    const known = this.masks.get(point);
    if (known) return known;
    const mask = new Uint32Array(this.words);
    for (const [index, token] of this.tokens.entries())
      if (takes(token, point, this.separator)) mask[index >>> 5]! |= 1 << (index & 31);
    if (this.masks.size < KEPT_MASKS) this.masks.set(point, mask);
    return mask;
  }

  private bits(positions: number[]): Uint32Array {
    const set = new Uint32Array(this.words);
    for (const position of positions) set[position >>> 5]! |= 1 << (position & 31);
    return set;
  }
}

function takes(token: Token, point: number, separator: number): boolean {
  if (token.kind === 'literal') return token.point === point;
  if (token.kind === 'any') return point !== separator;
  return token.ranges.some(([low, high]) => low <= point && point <= high) !== token.negated;
}

/**
 * Compiles a pattern: `*`, `?`, `[a-z]`, `[^a]`, `\x` as Go's path.Match has them, and with `deep` the `**` of moby's
 * patternmatcher (https://pkg.go.dev/path#Match, https://docs.docker.com/build/concepts/context/#dockerignore-files).
 * @throws BadPatternError
 */
export function compileGlob(
  pattern: string,
  { deep = false, classes = true, separator = '/' }: GlobOptions = {},
): Glob {
  const tokens: Token[] = [];
  const marks = { stars: [] as number[], deepStars: [] as number[], folders: [] as number[] };
  const points = Array.from(pattern, (char) => char.codePointAt(0)!);
  for (let at = 0; at < points.length; at++) {
    const char = String.fromCodePoint(points[at]!);
    if (char === '*' && deep && points[at + 1] === points[at]) {
      at++;
      if (points[at + 1] === SLASH) at++;
      (at === points.length - 1 ? marks.deepStars : marks.folders).push(tokens.length);
    } else if (char === '*') marks.stars.push(tokens.length);
    else if (char === '?') tokens.push({ kind: 'any' });
    else if (char === '[' && classes) {
      const { token, end } = characterClass(points, at);
      tokens.push(token);
      at = end;
    } else if (char === '\\') {
      at++;
      if (at >= points.length) throw badPattern();
      tokens.push({ kind: 'literal', point: points[at]! });
    } else tokens.push({ kind: 'literal', point: points[at]! });
  }
  return new Glob(tokens, marks, separator === '' ? -1 : separator.codePointAt(0)!);
}

const badPattern = () => new BadPatternError();

const CARET = 0x5e;
const DASH = 0x2d;
const CLOSE = 0x5d;
const BACKSLASH = 0x5c;

/** Reads `[...]` from its bracket on; `end` is the index of the closing one. @throws as `compileGlob` */
function characterClass(points: number[], start: number): { token: Token; end: number } {
  let at = start + 1;
  const negated = points[at] === CARET;
  if (negated) at++;
  const ranges: Array<[number, number]> = [];
  const member = (): number => {
    let point = points[at];
    if (point === undefined || point === DASH || point === CLOSE) throw badPattern();
    if (point === BACKSLASH) {
      at++;
      point = points[at];
      if (point === undefined) throw badPattern();
    }
    at++;
    if (at >= points.length) throw badPattern();
    return point;
  };
  while (points[at] !== CLOSE || ranges.length === 0) {
    const low = member();
    if (points[at] === DASH) {
      at++;
      ranges.push([low, member()]);
    } else ranges.push([low, low]);
  }
  return { token: { kind: 'class', negated, ranges }, end: at };
}
