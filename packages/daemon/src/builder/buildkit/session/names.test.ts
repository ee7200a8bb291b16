import { buildkit, packetType } from '@berth/grpc';
import fc from 'fast-check';
import { isName, Names } from './names.ts';

const nameOf = (path: string, mode = 0o644, linkname = '') =>
  buildkit.encode('Packet', { type: packetType.stat, stat: { path, mode, linkname } });

test('a packet that is plainly a name is one when it is decoded', () => {
  for (const path of ['a', 'x'.repeat(127), 'x'.repeat(128), 'ü/'.repeat(300)])
    expect(isName(nameOf(path))).toBe(true);
  for (const packet of [
    { type: packetType.stat },
    { type: packetType.stat, stat: { mode: 1 } },
    { type: packetType.data, ID: 3, data: Buffer.from('x') },
    { type: packetType.error, data: Buffer.from('x') },
    { type: packetType.fin },
  ])
    expect(isName(buildkit.encode('Packet', packet))).toBe(false);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(60), (bytes, size) => {
      const packet = Buffer.from([0x12, size, 0x0a, ...bytes]);
      if (!isName(packet)) return;
      let decoded: { type: number; stat: unknown } | undefined;
      try {
        decoded = buildkit.decode('Packet', packet);
      } catch {
        return; // fails when its file is needed
      }
      expect(decoded).toMatchObject({ type: packetType.stat, stat: {} });
    }),
  );
  // The bytes of another member follow.
  expect(isName(Buffer.concat([nameOf('a'), Buffer.from([0x08, 0x02])]))).toBe(false);
});

test('names come as they went, and their digest tells each of them, where one ends, and the text', () => {
  const packets = Array.from({ length: 500 }, (_, index) => nameOf(`${index}`.repeat(1 + (index % 40))));
  const namesOf = (list: Buffer[]) => {
    const names = new Names();
    for (const packet of list) names.add(packet);
    return names;
  };
  expect([...namesOf(packets).packets()]).toEqual(packets);
  const digest = namesOf(packets).digest('');
  expect(namesOf(packets).digest('')).toBe(digest);
  expect(namesOf(packets).digest('*.log')).not.toBe(digest);
  expect(namesOf(packets.slice(1)).digest('')).not.toBe(digest);
  expect(namesOf([packets[1]!, packets[0]!, ...packets.slice(2)]).digest('')).not.toBe(digest);
  expect(namesOf([Buffer.concat(packets)]).digest('')).not.toBe(digest);
  // Of more than is hashed at once.
  const many = Array.from({ length: 100 }, () => packets).flat();
  const whole = namesOf(many).digest('');
  expect(namesOf(many).digest('')).toBe(whole);
  expect(namesOf([packets[1]!, packets[0]!, ...many.slice(2)]).digest('')).not.toBe(whole);
  expect(namesOf(many.slice(0, -1)).digest('')).not.toBe(whole);
});
