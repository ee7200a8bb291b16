import { connect, type Socket } from 'node:net';
import type { TestDaemon } from './daemon.ts';

/** A POST with a JSON body as it is written on the wire, by default one that asks to leave HTTP. */
export function post(path: string, body: object, upgrade = true): string {
  const text = JSON.stringify(body);
  const head = upgrade ? 'Connection: Upgrade\r\nUpgrade: tcp\r\n' : '';
  return `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${head}Content-Length: ${text.length}\r\n\r\n${text}`;
}

/** Sends a request as it is written, `more` behind it, and gives all that comes back; fails with the socket's error. */
export function talk(daemon: TestDaemon, text: string | Buffer, more?: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path: daemon.socket, allowHalfOpen: true });
    const parts: string[] = [];
    socket.on('data', (part) => parts.push(part.toString('latin1')));
    socket.on('end', () => socket.end());
    socket.on('close', () => resolve(parts.join('')));
    socket.on('error', reject);
    socket.write(text);
    if (more) socket.write(more);
  });
}

/** Sends a request and gives the connection once the first bytes of the answer are there. */
export function begin(daemon: TestDaemon, text: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path: daemon.socket, allowHalfOpen: true });
    socket.once('data', () => resolve(socket));
    socket.once('error', reject);
    socket.write(text);
  });
}

/** The output within an answer, its head and the frames' headers taken off: what was said on each stream, in order. */
export function outputOf(answer: string): string {
  const bytes = Buffer.from(answer, 'latin1');
  const output: string[] = [];
  for (let at = bytes.indexOf('\r\n\r\n') + 4; at + 8 <= bytes.length; ) {
    const end = at + 8 + bytes.readUInt32BE(at + 4);
    output.push(bytes.toString('latin1', at + 8, end));
    at = end;
  }
  return output.join('');
}
