import { createServer } from 'node:http';
import { log } from '../base/log.ts';
import { CONTENT_TYPE, type Metrics } from './api.ts';

/**
 * Serves `GET /metrics` at `address:port`, and nothing else. Resolves when it listens.
 * @throws when the address cannot be bound.
 */
export async function serveMetrics(address: string, metrics: Metrics): Promise<{ close(): void }> {
  const [, host = '', port = ''] = /^(?:tcp:\/\/)?(.*):(\d+)$/.exec(address) ?? [];
  if (port === '') throw new Error(`invalid metrics address ${JSON.stringify(address)}: give ADDRESS:PORT`);
  const server = createServer((request, response) => {
    if (request.url?.replace(/\?.*$/, '') !== '/metrics' || !['GET', 'HEAD'].includes(request.method ?? '')) {
      response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' }).end('404 page not found\n');
      return;
    }
    metrics.text().then(
      (text) => response.writeHead(200, { 'Content-Type': CONTENT_TYPE }).end(text),
      (error: unknown) => {
        log.error({ err: error }, 'metrics could not be read');
        response.writeHead(500).end();
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(Number(port), host.replace(/^\[|\]$/g, '') || undefined, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const bound = server.address();
  log.info(
    { address: bound && typeof bound === 'object' ? `${bound.address}:${bound.port}` : address },
    'metrics are served',
  );
  return {
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
