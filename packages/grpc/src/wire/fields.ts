/*
 * Protobuf's wire format (https://protobuf.dev/programming-guides/encoding), by the table of a codec. Written here because a
 * build's client lives for a tenth of a second: protobuf.js, which the tests compare with, took a third of that to be loaded
 * and to make a function of each message.
 */

/** A kind of value that is not a message. */
export type Scalar = 'string' | 'bytes' | 'bool' | 'int32' | 'uint32' | 'int64' | 'uint64' | 'double';

/** A member of a message, as its table has it. */
export interface Field {
  name: string;
  number: number;
  rule: '' | 'repeated' | 'map' | 'oneof';
  /** The type of the value, of each value of a list or a map. */
  type: Scalar | Fields;
}

/** The members of a message. */
export interface Fields {
  list: Field[];
  byNumber: ReadonlyMap<number, Field>;
  /** A message of which nothing has come yet. */
  zero: () => Value;
}

/** The members of a message by their names. */
export type Value = Record<string, unknown>;

// Wire types, by which a member says how it is to be read.
export const VARINT = 0;
export const EIGHT_BYTES = 1;
export const LENGTH = 2;
export const FOUR_BYTES = 5;

/** The wire type of a kind of value. */
export const wireOf = (type: Scalar): number =>
  type === 'string' || type === 'bytes' ? LENGTH : type === 'double' ? EIGHT_BYTES : VARINT;

/** Makes messages of which nothing has come yet, all of one layout. */
export function zeroMaker(list: readonly Field[]): () => Value {
  let zero: Value | undefined;
  let own: Field[] = [];
  return () => {
    // Made at the first one: most messages of a table are never read by a process.
    if (!zero) {
      zero = {};
      for (const { name, rule, type } of list)
        if (rule !== 'oneof') zero[name] = typeof type === 'object' || rule !== '' ? null : zeroOf(type);
      own = list.filter(({ rule }) => rule === 'repeated' || rule === 'map');
    }
    const value = { ...zero };
    for (let index = 0; index < own.length; index++)
      value[own[index]!.name] = own[index]!.rule === 'map' ? {} : [];
    return value;
  };
}

const NOTHING = Buffer.alloc(0);

/** The value of a member that is absent. */
export function zeroOf(type: Scalar): unknown {
  if (type === 'string') return '';
  if (type === 'bytes') return NOTHING;
  return type === 'bool' ? false : 0;
}
