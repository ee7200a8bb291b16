import type { Duplex } from 'node:stream';
import { CriDaemon, type Message } from '../../support/cri.ts';
import { SpdyClient, whole, withinWebSocket } from './spdy.ts';

/* Exec, attach and port-forward as clients of Kubernetes speak them, over SPDY 3.1 and WebSockets. */

let cri: CriDaemon;
let pod: { id: string; config: Message };
let id: string;
beforeAll(async () => {
  cri = await CriDaemon.start();
  pod = await cri.pod('streams');
  id = await cri.container(pod, 'box', {
    command: [
      'sh',
      '-c',
      'httpd -p 80 -h /etc; echo ready; while read line; do echo "got $line"; done; sleep 1000',
    ],
    stdin: true,
  });
});
afterAll(() => cri?.dispose());

const execUrl = async (request: Message): Promise<string> =>
  (await cri.call('Exec', { container_id: id, stdout: true, ...request }))['url'];

/** Streams of a client, by what they carry. */
async function opened(client: SpdyClient, ...names: string[]): Promise<Record<string, Duplex>> {
  const streams: Record<string, Duplex> = {};
  for (const streamtype of names) streams[streamtype] = await client.open({ streamtype });
  return streams;
}

test('exec over SPDY: input with its end, output, errors, exit code', async () => {
  const cmd = ['sh', '-c', 'cat; echo end >&2; exit 7'];
  const url = await execUrl({ cmd, stdin: true, stderr: true });
  const client = await SpdyClient.connect(url, 'v4.channel.k8s.io', 'channel.k8s.io');
  expect(client.protocol).toBe('v4.channel.k8s.io');
  const { error, stdin, stdout, stderr } = await opened(client, 'error', 'stdin', 'stdout', 'stderr');
  const large = 'x'.repeat(300_000);
  stdin!.end(large);
  expect(await whole(stdout!)).toBe(large);
  expect(await whole(stderr!)).toBe('end\n');
  expect(JSON.parse(await whole(error!))).toMatchObject({
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: '7' }] },
  });
  await client.closed;
  await expect(SpdyClient.connect(url, 'v4.channel.k8s.io')).rejects.toThrow('404');
});

test('a terminal over SPDY has the size that its client has', async () => {
  const cmd = ['sh', '-c', 'read line; stty size'];
  const client = await SpdyClient.connect(
    await execUrl({ cmd, stdin: true, tty: true }),
    'v4.channel.k8s.io',
  );
  const { stdin, stdout, resize } = await opened(client, 'error', 'stdin', 'stdout', 'resize');
  resize!.write(JSON.stringify({ Width: 111, Height: 33 }));
  // The size takes its way beside the input.
  setTimeout(() => stdin!.write('go\n'), 200);
  expect(await whole(stdout!)).toContain('33 111');
  client.close();
});

test('attach over SPDY: what a program is told, and says', async () => {
  const { url } = await cri.call('Attach', { container_id: id, stdin: true, stdout: true });
  const client = await SpdyClient.connect(url, 'v4.channel.k8s.io');
  const { stdin, stdout } = await opened(client, 'error', 'stdin', 'stdout');
  stdin!.write('one\n');
  for await (const said of stdout!) {
    expect(said.toString()).toBe('got one\n');
    break;
  }
  client.close();
});

test('a client that speaks no protocol of ours is told which there are', async () => {
  await expect(SpdyClient.connect(await execUrl({ cmd: ['true'] }), 'v9.channel.k8s.io')).rejects.toThrow(
    '403',
  );
});

/** A request through a forwarded port; the answer of the pod's server, and what the error's stream says. */
async function forwarded(client: SpdyClient, port: number, requestid: string): Promise<[string, string]> {
  const error = await client.open({ streamtype: 'error', port: String(port), requestid });
  error.end();
  const data = await client.open({ streamtype: 'data', port: String(port), requestid });
  data.end('GET /passwd HTTP/1.0\r\n\r\n');
  return [await whole(data), await whole(error)];
}

const forwardUrl = async (): Promise<string> =>
  (await cri.call('PortForward', { pod_sandbox_id: pod.id, port: [] }))['url'];

test('a port is forwarded over SPDY, many times at once; one that nobody listens on is told of', async () => {
  const client = await SpdyClient.connect(await forwardUrl(), 'portforward.k8s.io');
  const answers = await Promise.all([0, 1, 2, 3].map((number) => forwarded(client, 80, String(number))));
  for (const [data, error] of answers) {
    expect(data).toContain('root:x:0:0');
    expect(error).toBe('');
  }
  const [, error] = await forwarded(client, 81, '4');
  expect(error).toContain('81');
  expect((await forwarded(client, 80, '5'))[0]).toContain('root:x:0:0');
  client.close();
});

test('a port is forwarded over channels of a WebSocket', async () => {
  const stream = await withinWebSocket(`${await forwardUrl()}?port=80`, 'v4.channel.k8s.io');
  let answer = '';
  for await (const message of stream as AsyncIterable<Buffer>) {
    // The first message of each channel is the port.
    if (message.length === 3 && message.readUInt16LE(1) === 80) {
      if (message[0] === 0) stream.write(Buffer.from('\0GET /passwd HTTP/1.0\r\n\r\n'));
    } else if (message[0] === 0) answer += message.subarray(1).toString();
    if (answer.includes('nobody')) break;
  }
  expect(answer).toContain('root:x:0:0');
});
