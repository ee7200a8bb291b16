import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { isIP, isIPv6 } from 'node:net';

/** How long a server is waited for, in milliseconds. */
const PATIENCE = 800;

/** A server's answer about a name's address; `silent`: none in time. */
export type DnsResult = 'found' | 'no such name' | 'refused' | 'silent';

/** Asks a name server for a name (RFC 1035, section 4), from the host's network. */
export function queryServer(server: string, name: string): Promise<DnsResult> {
  const labels = name.replace(/\.$/, '').split('.');
  const address = server.replace(/%.*/, '');
  if (!isIP(address) || labels.some((label) => label === '' || label.length > 63))
    return Promise.resolve('refused');
  const id = randomInt(65536);
  const question = Buffer.concat([
    Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    ...labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)])),
    Buffer.from([0, 0, 1, 0, 1]),
  ]);
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    let done = false;
    const finish = (result: DnsResult) => {
      if (done) return;
      done = true;
      clearTimeout(timer);
      socket.close();
      resolve(result);
    };
    const timer = setTimeout(() => finish('silent'), PATIENCE);
    socket.on('error', () => finish('silent'));
    socket.on('message', (message) => {
      if (message.length < 12 || message.readUInt16BE(0) !== id) return;
      const code = message[3]! & 15;
      finish(code === 3 ? 'no such name' : code === 0 ? 'found' : 'refused');
    });
    socket.send(question, 53, address, (error) => {
      if (error) finish('silent');
    });
  });
}
