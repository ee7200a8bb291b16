import type { Services } from '../../services.ts';
import type { Server } from '../api.ts';
import { wordsOf } from '../shapes/error-texts.ts';
import { SINCE } from '../shapes/since.ts';
import { parseSide, RAW_STREAM, streamType } from './streams.ts';

/** /containers/{id}/exec and /exec */
export function execRoutes(server: Server, { containers }: Services): void {
  server.serve('ContainerExec', async ({ params, body, version }, reply) => {
    const { ConsoleSize, ...config } = body ?? {};
    const sized = version >= SINCE.consoleSize && config.Tty && ConsoleSize !== undefined;
    const Id = await containers.execCreate(
      params['id']!,
      { ...config, ...(sized && { ConsoleSize: twoSides(ConsoleSize) }) },
      { checkUser: version >= SINCE.execUserAtCreate },
    );
    reply.status(201);
    return { Id };
  });

  server.serve('ExecStart', async ({ params, body, version, headers }, reply) => {
    const { Detach = false, Tty = false, ConsoleSize } = body ?? {};
    const size =
      version >= SINCE.consoleSize && Tty && ConsoleSize?.length === 2 ? twoSides(ConsoleSize) : undefined;
    const options = {
      tty: Tty,
      exitCodes: version >= SINCE.execExitCodes,
      ...(size && { consoleSize: size }),
    };
    if (Detach) {
      await containers.execStart(params['id']!, options);
      // dockerd answers 200 here, without a body.
      reply.status(200);
      return;
    }
    await containers.execStart(params['id']!, {
      ...options,
      words: wordsOf(version, 'ExecStart'),
      connection: () => reply.hijack(headers.upgrade ? streamType(Tty, version) : RAW_STREAM),
    });
  });

  server.serve('ExecResize', async ({ params, query, version }, reply) => {
    const height = parseSide(query['h'], 'height', version);
    const width = parseSide(query['w'], 'width', version);
    await containers.execResize(params['id']!, height, width);
    reply.status(200);
  });

  server.serve('ExecInspect', ({ params }) => containers.execInspect(params['id']!));
}

/** Rows and columns as Go reads a list into an array of two: what lacks is 0, what is more is left out. */
function twoSides([height = 0, width = 0]: number[]): [height: number, width: number] {
  return [height, width];
}
