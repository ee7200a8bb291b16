import { spawn } from 'node:child_process';
import { Duplex, Transform, Writable } from 'node:stream';
import type { Endpoint } from './endpoint.ts';
import { ConnectionError } from './errors.ts';

/**
 * Speaks to a daemon through `ssh host berth system dial-stdio`, so that the remote side needs no open port: whoever
 * may log in and reach the socket there may use the daemon. A host that only has Docker's client is served as well.
 */
export async function dialSsh(endpoint: Endpoint): Promise<Duplex> {
  const remote =
    'if command -v berth >/dev/null 2>&1; then exec berth system dial-stdio; else exec docker system dial-stdio; fi';
  const args = [
    '-o',
    'ConnectTimeout=30',
    '-T',
    ...(endpoint.port ? ['-p', String(endpoint.port)] : []),
    '--',
    endpoint.address,
    remote,
  ];
  const child = spawn('ssh', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (complaint.length < 4096) complaint += chunk.toString();
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new ConnectionError(
          error.code === 'ENOENT'
            ? `Cannot connect to ${endpoint.host}: the program ssh is not installed here`
            : `Cannot connect to ${endpoint.host}: ${error.message}`,
        ),
      ),
    );
  });
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  // The end of what ssh says waits for ssh's own: why it failed is worth more than that nothing came.
  const answer = new Transform({
    transform: (chunk, _, done) => done(null, chunk),
    flush: (done) =>
      void closed.then((code) =>
        done(
          code
            ? new ConnectionError(
                `error during connect: ssh ${endpoint.address} ended with ${code}${complaint ? `: ${complaint.trim()}` : ''}`,
              )
            : null,
        ),
      ),
  });
  // Likewise a write to one that has ended fails by what ssh says.
  child.stdin.on('error', () => undefined);
  const request = new Writable({
    write: (chunk, _, done) => void child.stdin.write(chunk, () => done()),
    final: (done) => {
      child.stdin.end();
      done();
    },
  });
  const stream = Duplex.from({ readable: child.stdout.pipe(answer), writable: request });
  stream.once('close', () => child.kill());
  return stream;
}
