import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTracer, span } from '../base/spans.ts';
import { exportSpans } from './otlp.ts';

test('spans go to the collector that was named, and to no other that it names; their texts have a bound', async () => {
  const asked: Array<{ path: string; body: string }> = [];
  let bodyEnds = () => undefined as unknown;
  const collector = createServer((request, response) => {
    let body = '';
    request.on('data', (bytes) => {
      body += bytes;
    });
    request.on('end', () => {
      asked.push({ path: request.url!, body });
      response.writeHead(307, { location: '/elsewhere' });
      response.write('an answer without an end');
      response.once('close', () => bodyEnds());
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const { port } = collector.address() as AddressInfo;
  const closed = new Promise((resolve) => {
    bodyEnds = () => resolve(undefined);
  });
  exportSpans(`http://127.0.0.1:${port}`, 'instance');
  try {
    const attributes = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`a${n}`, 'x'.repeat(5000)]));
    const failing = () => Promise.reject(new Error('y'.repeat(5000)));
    await span('work', failing, attributes).catch(() => undefined);
    await closed;
  } finally {
    setTracer(undefined);
    collector.closeAllConnections();
    collector.close();
  }
  expect(asked.map(({ path }) => path)).toEqual(['/v1/traces']);
  const [sent] = JSON.parse(asked[0]!.body).resourceSpans[0].scopeSpans[0].spans;
  expect(sent.attributes).toHaveLength(64);
  expect(sent.attributes[0].value.stringValue).toHaveLength(1024);
  expect(sent.status.message).toHaveLength(1024);
});
