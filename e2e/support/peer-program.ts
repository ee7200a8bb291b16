/**
 * The program that a `Peer` runs in its network namespace: takes one JSON request a line, answers with one JSON line
 * each.
 */
import { createSocket, type RemoteInfo } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import dnsPacket from 'dns-packet';
import type { Requests } from './peer.ts';

const TIMEOUT_MS = 4000;
/** A packet that is dropped is sent again after a second: two chances. */
const CONNECT_MS = 1500;
const held = new Map<number, { socket: Socket; take(size: number): Promise<string> }>();
const asked: string[] = [];

/** Opens a connection; rejects with the error's code. */
function open(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const timer = setTimeout(() => socket.destroy(new Error('timeout')), CONNECT_MS);
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve(socket);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => reject(new Error(error.code ?? error.message)));
  });
}

const plain = (address: string | undefined) => (address ?? '').replace(/^::ffff:/, '');

/** All bytes that the socket receives until its end. */
function readAll(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error('timeout')));
    socket.on('data', (part) => {
      text += part;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => reject(new Error(error.code ?? error.message)));
    socket.on('end', () => resolve(text));
  });
}

/** Answers questions with the records given; NXDOMAIN for other names. */
function answer(message: Buffer, records: Record<string, string[]>): Buffer {
  const query = dnsPacket.decode(message);
  const question = query.questions![0]!;
  asked.push(`${question.type} ${question.name}`);
  const known = records[question.name.toLowerCase()];
  return dnsPacket.encode({
    type: 'response',
    id: query.id!,
    flags: dnsPacket.RECURSION_DESIRED | dnsPacket.RECURSION_AVAILABLE | (known ? 0 : 3),
    questions: query.questions!,
    answers: (known ?? [])
      .filter((data) => (question.type === 'AAAA') === data.includes(':'))
      .map((data) => ({ type: question.type as 'A', name: question.name, ttl: 60, data })),
  });
}

function resolve({ server, name, type, tcp }: Requests['resolve'][0]): Promise<Requests['resolve'][1]> {
  const packet = dnsPacket.encode({
    type: 'query',
    id: 4242,
    flags: dnsPacket.RECURSION_DESIRED,
    questions: [{ type: type as 'A', name }],
  });
  return new Promise((done, reject) => {
    const timer = setTimeout(() => done({ rcode: 'timeout', answers: [] }), TIMEOUT_MS);
    const decode = (bytes: Buffer) => {
      clearTimeout(timer);
      const reply = dnsPacket.decode(bytes) as ReturnType<typeof dnsPacket.decode> & { rcode: string };
      done({
        rcode: reply.rcode,
        answers: (reply.answers ?? []).map((one) => String((one as { data: unknown }).data)),
      });
    };
    if (tcp) {
      const socket = connect({ host: server, port: 53 });
      let bytes = Buffer.alloc(0);
      socket.on('error', reject);
      socket.on('data', (part) => {
        bytes = Buffer.concat([bytes, part]);
        if (bytes.length < 2 || bytes.length < bytes.readUInt16BE(0) + 2) return;
        decode(bytes.subarray(2));
        socket.destroy();
      });
      const length = Buffer.alloc(2);
      length.writeUInt16BE(packet.length);
      socket.write(Buffer.concat([length, packet]));
      return;
    }
    const socket = createSocket('udp4');
    socket.on('error', reject);
    socket.on('message', (bytes) => {
      decode(bytes);
      socket.close();
    });
    socket.send(packet, 53, server);
  });
}

type Handlers = { [Name in keyof Requests]: (options: Requests[Name][0]) => Promise<Requests[Name][1]> };

const handlers: Handlers = {
  async ready() {
    return process.pid;
  },
  async tcp({ host, port, send }) {
    const socket = await open(host, port);
    const text = readAll(socket);
    socket.end(send ?? '');
    return await text;
  },
  async udp({ host, port, send, from }) {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    if (from) await new Promise<void>((bound) => socket.bind(0, from, bound));
    await new Promise<void>((connected) => socket.connect(port, host, () => connected()));
    return await new Promise((done) => {
      const timer = setTimeout(() => finish('timeout'), TIMEOUT_MS / 4);
      const finish = (text: string) => {
        clearTimeout(timer);
        socket.close();
        done(text);
      };
      socket.on('message', (bytes) => finish(bytes.toString()));
      socket.on('error', (error: NodeJS.ErrnoException) => finish(error.code ?? 'error'));
      socket.send(send ?? 'hello');
    });
  },
  /** Every connection is told whom we see, then gets back what it sends. */
  async listen({ port, host }) {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => socket.destroy());
      socket.write(`${plain(socket.remoteAddress)}\n`);
      socket.pipe(socket);
    });
    await new Promise<void>((listening, reject) => {
      server.on('error', reject);
      server.listen(port, host ?? '::', () => listening());
    });
    return true;
  },
  async listenUdp({ port, host }) {
    const socket = createSocket(host?.includes(':') === false ? 'udp4' : 'udp6');
    socket.on('message', (bytes, from: RemoteInfo) =>
      socket.send(`${plain(from.address)} ${bytes}`, from.port, from.address),
    );
    await new Promise<void>((bound, reject) => {
      socket.on('error', reject);
      socket.bind(port, host ?? '::', bound);
    });
    return true;
  },
  async hold({ host, port }) {
    const socket = await open(host, port);
    let text = '';
    let wake = () => {};
    socket.on('data', (part) => {
      text += part;
      wake();
    });
    socket.on('error', () => wake());
    const number = held.size + 1;
    held.set(number, {
      socket,
      async take(size) {
        const deadline = Date.now() + TIMEOUT_MS;
        while (text.length < size && Date.now() < deadline)
          await new Promise<void>((resolve) => {
            wake = resolve;
            setTimeout(resolve, 100);
          });
        const taken = text.slice(0, size);
        text = text.slice(size);
        return taken;
      },
    });
    return number;
  },
  async talk({ connection, send, size }) {
    const { socket, take } = held.get(connection)!;
    if (send) socket.write(send);
    return await take(size ?? send.length);
  },
  async serveNames({ records, host, port = 53 }) {
    const udp = createSocket('udp4');
    udp.on('message', (bytes, from) => udp.send(answer(bytes, records), from.port, from.address));
    await new Promise<void>((bound) => udp.bind(port, host, bound));
    const tcp = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.on('data', (bytes) => {
        const reply = answer(bytes.subarray(2), records);
        const length = Buffer.alloc(2);
        length.writeUInt16BE(reply.length);
        socket.write(Buffer.concat([length, reply]));
      });
    });
    await new Promise<void>((listening) => tcp.listen(port, host, () => listening()));
    return true;
  },
  async asked() {
    return asked.splice(0);
  },
  resolve,
};

createInterface({ input: process.stdin })
  .on('line', async (line) => {
    const { id, name, options } = JSON.parse(line) as { id: number; name: keyof Requests; options: never };
    try {
      const value = await (handlers[name] as (options: never) => Promise<unknown>)(options);
      process.stdout.write(`${JSON.stringify({ id, value })}\n`);
    } catch (error) {
      process.stdout.write(`${JSON.stringify({ id, error: (error as Error).message })}\n`);
    }
  })
  .on('close', () => process.exit(0));
