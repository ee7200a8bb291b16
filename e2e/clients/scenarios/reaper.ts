// The other end of testcontainers' reaper protocol, in the place of the image that has it: filters come on lines, each is
// acknowledged, and some time after the last connection has closed all that they match is removed.
import { request } from 'node:http';
import { createServer } from 'node:net';

const filters = new Set<string>();
let connections = 0;
let timer: NodeJS.Timeout | undefined;

function call(method: string, path: string): Promise<string> {
  return new Promise((resolve) => {
    const asked = request({ socketPath: '/var/run/docker.sock', method, path }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('end', () => resolve(Buffer.concat(parts).toString()));
    });
    asked.on('error', () => resolve('[]'));
    asked.end();
  });
}

async function prune(): Promise<void> {
  for (const filter of filters) {
    const label = new URLSearchParams(filter).getAll('label');
    const query = `filters=${encodeURIComponent(JSON.stringify({ label }))}`;
    for (const { Id, Labels } of JSON.parse(await call('GET', `/containers/json?all=1&${query}`)))
      if (Labels['org.testcontainers.ryuk'] !== 'true') await call('DELETE', `/containers/${Id}?force=1&v=1`);
    for (const { Id } of JSON.parse(await call('GET', `/networks?${query}`)))
      await call('DELETE', `/networks/${Id}`);
    for (const { Name } of JSON.parse(await call('GET', `/volumes?${query}`)).Volumes ?? [])
      await call('DELETE', `/volumes/${Name}?force=1`);
    for (const { Id } of JSON.parse(await call('GET', `/images/json?${query}`)))
      await call('DELETE', `/images/${Id}?force=1`);
  }
  process.exit(0);
}

createServer((socket) => {
  connections++;
  clearTimeout(timer);
  let rest = '';
  socket.on('data', (part) => {
    const lines = (rest + part).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines.filter(Boolean)) {
      filters.add(line.trim());
      socket.write('ACK\n');
    }
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    if (--connections === 0) timer = setTimeout(prune, 1000);
  });
}).listen(8080, '0.0.0.0', () => console.log('Started'));
