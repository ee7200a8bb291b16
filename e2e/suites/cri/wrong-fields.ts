import type { Message } from '../../support/cri.ts';

/* Requests that are wrong in one field, made of the table of the interface's messages. */

/** Members of messages, by the message's name: `cri` of the gRPC package. */
export type Definitions = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** One field made wrong. */
export interface Wrong {
  /** The field as a refusal has to name it. */
  field: string;
  how: string;
  /** Makes it wrong in a request. */
  put(request: Message): void;
}

/** More than any text or any list of a request may have. */
const LONG = 'x'.repeat(2 << 20);
const MANY = 20_000;

/** Entries of lists, and messages, that are right in all but what is made wrong of them. */
const RIGHT: Record<string, Message> = {
  Mount: { container_path: '/in', host_path: '/etc' },
  Device: { container_path: '/dev/x', host_path: '/dev/null', permissions: 'r' },
  KeyValue: { key: 'K', value: 'v' },
  PortMapping: { container_port: 80 },
  IDMapping: { host_id: 100_000, container_id: 0, length: 65_536 },
  HugepageLimit: { page_size: '2MB', limit: 0 },
  CDIDevice: { name: 'vendor.com/class=name' },
  ImageSpec: { image: 'bb:latest' },
  PodSandboxMetadata: { name: 'n', uid: 'u', namespace: 'default' },
  ContainerMetadata: { name: 'n' },
};
RIGHT['UserNamespace'] = { mode: 0, uids: [{ ...RIGHT['IDMapping'] }], gids: [{ ...RIGHT['IDMapping'] }] };
const right = (type: string): Message => structuredClone(RIGHT[type] ?? {});

const TEXTS: Array<[string, string]> = [
  ['NUL', 'a\0b'],
  ['huge', LONG],
];
const MAPS: Array<[string, () => Record<string, string>]> = [
  ['many', () => Object.fromEntries(Array.from({ length: MANY }, (_, index) => [`k${index}`, 'v']))],
  ['no key', () => ({ '': 'v' })],
  ['NUL in a key', () => ({ 'a\0': 'v' })],
  ['huge key', () => ({ [LONG]: 'v' })],
  ['NUL in a value', () => ({ a: 'v\0' })],
  ['huge value', () => ({ a: LONG })],
];
const NUMBERS: Record<string, Array<number | string>> = {
  int32: [-7, 2 ** 31 - 1],
  uint32: [2 ** 32 - 1],
  int64: [-7, '9223372036854775807', '-9223372036854775808'],
  uint64: ['18446744073709551615'],
};

/** All that can be wrong of the members of a message, which a request has where `reach` leads. */
export function* wrongs(
  all: Definitions,
  type: string,
  at = '',
  reach = (request: Message): Message => request,
): Generator<Wrong> {
  for (const [member, definition] of Object.entries(all[type]!)) {
    const words = definition.split(' ');
    const kind = words.at(-1)!;
    const field = at === '' ? member : `${at}.${member}`;
    const wrong = (how: string, value: () => unknown, name = field): Wrong => ({
      field: name,
      how,
      put: (request) => {
        reach(request)[member] = value();
      },
    });
    if (words.includes('map')) for (const [how, make] of MAPS) yield wrong(how, make);
    else if (words.includes('repeated')) {
      const one = kind in all ? right(kind) : kind === 'string' ? 'word' : 1;
      yield wrong('many', () => Array.from({ length: MANY }, () => one));
      if (kind === 'string') for (const [how, text] of TEXTS) yield wrong(how, () => [text], `${field}[0]`);
      for (const number of NUMBERS[kind] ?? []) yield wrong(`${number}`, () => [number], `${field}[0]`);
      if (kind in all)
        yield* wrongs(all, kind, `${field}[0]`, (request) => {
          const parent = reach(request);
          parent[member] ??= [right(kind)];
          return parent[member][0];
        });
    } else if (kind === 'Windows') yield wrong('there', () => ({}));
    else if (kind in all)
      yield* wrongs(all, kind, field, (request) => {
        const parent = reach(request);
        // A mount is of a path or of an image.
        if (kind === 'ImageSpec') delete parent['host_path'];
        parent[member] ??= right(kind);
        return parent[member];
      });
    else {
      if (kind === 'string') for (const [how, text] of TEXTS) yield wrong(how, () => text);
      for (const number of NUMBERS[kind] ?? []) yield wrong(`${number}`, () => number);
    }
  }
}
