import { checkBounds, type Layout, type Member } from './bounds.ts';
import { type Field, type Fields, type Scalar as WireScalar, zeroMaker } from './wire/fields.ts';
import { readMessage } from './wire/read.ts';
import { writeMessage } from './wire/write.ts';

/**
 * Messages by name, each its members by name: a member is its number, then `repeated`, `map` (from strings) or `oneof`
 * where it is one, then its type. Both wire/ and the compiler read the table, so that what is decoded is typed. An enum is
 * an int32.
 */
export type Table = Readonly<Record<string, Readonly<Record<string, string>>>>;
export type NameOf<T extends Table> = keyof T & string;

interface Scalars {
  string: string;
  bool: boolean;
  int32: number;
  uint32: number;
  int64: number;
  uint64: number;
  double: number;
}
type Scalar = keyof Scalars | 'bytes';

type ReadOne<T extends Table, Type> = Type extends keyof Scalars
  ? Scalars[Type]
  : Type extends 'bytes'
    ? Buffer
    : Type extends NameOf<T>
      ? ReadOf<T, Type>
      : never;
/** A member as it is read: a message that is absent is null, all else that is absent has its zero value. */
type Read<T extends Table, Member> = Member extends `${number} repeated ${infer Type}`
  ? Array<ReadOne<T, Type>>
  : Member extends `${number} map ${infer Type}`
    ? Record<string, ReadOne<T, Type>>
    : Member extends `${number} oneof ${infer Type}`
      ? ReadOne<T, Type> | undefined
      : Member extends `${number} ${infer Type}`
        ? ReadOne<T, Type> | (Type extends Scalar ? never : null)
        : never;

/** A message as a codec reads it. */
export type ReadOf<T extends Table, Name extends NameOf<T>> = {
  [Member in keyof T[Name]]: Read<T, T[Name][Member]>;
};

type WrittenOne<T extends Table, Type> = Type extends keyof Scalars
  ? // One beyond the integers that a number holds exactly is written as text.
    Scalars[Type] | (Type extends 'int64' | 'uint64' ? string : never)
  : Type extends 'bytes'
    ? Uint8Array
    : Type extends NameOf<T>
      ? SentOf<T, Type>
      : never;
type Written<T extends Table, Member> = Member extends `${number} repeated ${infer Type}`
  ? ReadonlyArray<WrittenOne<T, Type>>
  : Member extends `${number} map ${infer Type}`
    ? Readonly<Record<string, WrittenOne<T, Type>>>
    : Member extends `${number} oneof ${infer Type}` | `${number} ${infer Type}`
      ? WrittenOne<T, Type>
      : never;

/** A message as a codec takes it: any member may be absent. A message that was read may be sent. */
export type SentOf<T extends Table, Name extends NameOf<T>> = {
  readonly [Member in keyof T[Name]]?: Written<T, T[Name][Member]> | null;
};

/** Encodes and decodes the messages of a table. */
export interface Codec<T extends Table> {
  /** The bytes of a message of that name. */
  encode<Name extends NameOf<T>>(name: Name, value: SentOf<T, Name>): Buffer;
  /** A message's members; 64-bit numbers are numbers. @throws Error for malformed bytes, or more than the bounds allow. */
  decode<Name extends NameOf<T>>(name: Name, bytes: Uint8Array, bounds?: Bounds): ReadOf<T, Name>;
}

/**
 * The sender of the messages that are decoded: those of strangers must be decoded within milliseconds (bounds.ts); others
 * have no bounds.
 */
export type Bounds = 'strangers' | 'none';

/** The codec of a table. */
export function codec<const T extends Table>(table: T): Codec<T> {
  const messages = fieldsOf(table);
  const layouts = layoutsOf(table);
  return {
    encode: (name, value) => writeMessage(messages.get(name)!, value as Record<string, unknown>),
    decode(name, bytes, bounds = 'strangers') {
      if (bounds === 'strangers') checkBounds(layouts.get(name)!, bytes);
      return readMessage(messages.get(name)!, bytes) as ReadOf<T, typeof name>;
    },
  };
}

/** The messages of a table as they are written and read. */
function fieldsOf(table: Table): Map<string, Fields> {
  const messages = new Map(
    Object.keys(table).map((name) => {
      const list: Field[] = [];
      return [name, { list, byNumber: new Map<number, Field>(), zero: zeroMaker(list) }];
    }),
  );
  for (const [name, members] of Object.entries(table)) {
    const { list, byNumber } = messages.get(name)!;
    for (const [member, text] of Object.entries(members)) {
      const words = text.split(' ');
      const type = words.at(-1)!;
      const rule = (words.length === 3 ? words[1] : '') as Field['rule'];
      const field: Field = {
        name: member,
        number: Number(words[0]),
        rule,
        type: messages.get(type) ?? (type as WireScalar),
      };
      list.push(field);
      byNumber.set(field.number, field);
    }
    // Members are written in the order of their numbers.
    list.sort((a, b) => a.number - b.number);
  }
  return messages;
}

/** The layouts of a table's messages: a map's entry is a message of two members. */
function layoutsOf(table: Table): Map<string, Layout> {
  const layouts = new Map(Object.keys(table).map((name) => [name, new Map<number, Member>()]));
  const memberOf = (type: string): Member =>
    layouts.get(type) ?? (type === 'string' ? 'text' : type === 'bytes' ? 'bytes' : 'numbers');
  for (const [name, members] of Object.entries(table))
    for (const text of Object.values(members)) {
      const words = text.split(' ');
      const member = memberOf(words.at(-1)!);
      const entry: Layout = new Map<number, Member>([
        [1, 'text'],
        [2, member],
      ]);
      layouts.get(name)!.set(Number(words[0]), words[1] === 'map' ? entry : member);
    }
  return layouts;
}
