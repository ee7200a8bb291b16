// dockerode on the engine of a scenario.
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import Docker from 'dockerode';

export const docker = new Docker({
  socketPath: process.env['DOCKER_HOST']!.replace('unix://', ''),
  version: `v${process.env['DOCKER_API_VERSION']}`,
});

/** The connection that a container's input and both outputs go over. */
export const attached = (container: Docker.Container) =>
  container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });

/** The texts of a stream that carries both outputs of a process: each by itself. */
export async function apart(stream: NodeJS.ReadableStream): Promise<{ out: string; err: string }> {
  const [out, err] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, out, err);
  stream.on('end', () => {
    out.end();
    err.end();
  });
  const [first, second] = await Promise.all([text(out), text(err)]);
  return { out: first, err: second };
}

/** All messages of a pull, push or build. */
export const followed = (stream: NodeJS.ReadableStream): Promise<Array<Record<string, unknown>>> =>
  new Promise((resolve, reject) =>
    docker.modem.followProgress(stream, (error, all) => (error ? reject(error) : resolve(all ?? []))),
  );

/** The names of an object's members, in their order. */
export const names = (value: object): string[] => Object.keys(value);
