/** A request's path split as the API means it. */
export interface ApiPath {
  /** `1.47` of `/v1.47/info`; undefined without a prefix. */
  version: string | undefined;
  /** The path and query for the router: no prefix, and the slashes of a name written as %2F. */
  url: string;
}

const PREFIX = /^\/v(\d[\d.]*)(\/.*)$/s;

/**
 * Names may hold slashes (`/images/a/b/json`), which the router cannot match. This rewrites them to one segment, by what
 * the API document allows after a name.
 */
export class PathRewriter {
  /** Noun and method to the endings that may follow a name: '' alone, `json`, `attach/ws`. */
  private readonly endings = new Map<string, string[]>();
  /** By noun and method: the words between a name and a further one, which holds no slash (`checkpoints`). */
  private readonly between = new Map<string, Set<string>>();

  /** Takes in a path of the document, such as `/images/{name}/json`. */
  add(method: string, path: string): void {
    const [, outer, word] = /^\/([^/{]+)\/\{[^/]+\}\/([^/{]+)\/\{[^/]+\}$/.exec(path) ?? [];
    if (outer && word) {
      const words = this.between.get(`${method} ${outer}`) ?? new Set();
      this.between.set(`${method} ${outer}`, words.add(word));
    }
    const match = /^\/([^/{]+|berth\/[^/]+\/[^/]+)\/\{[^/]+\}(?:\/([^{]+))?$/.exec(path);
    if (!match) return;
    const key = `${method} ${match[1]}`;
    const known = this.endings.get(key) ?? [];
    known.push(match[2] ?? '');
    known.sort((a, b) => b.length - a.length);
    this.endings.set(key, known);
  }

  rewrite(method: string, target: string): ApiPath {
    // A proxy's client names the host as well (RFC 9112, absolute-form).
    let url = target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?#]*/i, '') || '/';
    let version: string | undefined;
    const prefixed = url.startsWith('/v') ? PREFIX.exec(url) : null;
    if (prefixed) {
      version = prefixed[1];
      url = prefixed[2]!;
    }
    const question = url.indexOf('?');
    const path = question === -1 ? url : url.slice(0, question);
    const noun = nounEnd(path);
    // Without a further slash a name cannot hold one.
    if (noun === -1 || path.indexOf('/', noun + 1) === -1) return { version, url };
    const endings = this.endings.get(`${method} ${path.slice(1, noun)}`);
    if (!endings) return { version, url };
    const rest = path.slice(noun + 1);
    const parts = rest.split('/', 4);
    if (parts.length === 3 && this.between.get(`${method} ${path.slice(1, noun)}`)?.has(parts[1]!))
      return { version, url };
    for (const ending of endings) {
      if (ending !== '' && !rest.endsWith(`/${ending}`)) continue;
      const name = ending === '' ? rest : rest.slice(0, -ending.length - 1);
      if (name === '') continue;
      if (!name.includes('/')) break;
      const encoded = `${path.slice(0, noun + 1)}${name.replaceAll('/', '%2F')}${ending && `/${ending}`}`;
      return { version, url: question === -1 ? encoded : encoded + url.slice(question) };
    }
    return { version, url };
  }
}

/** The offset at which the noun of a path ends: `/images`, and for Berth's own paths `/berth/explain/images`; -1: there is no more. */
function nounEnd(path: string): number {
  const first = path.indexOf('/', 1);
  if (!path.startsWith('/berth/')) return first;
  const second = path.indexOf('/', first + 1);
  return second === -1 ? -1 : path.indexOf('/', second + 1);
}
