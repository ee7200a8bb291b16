import type { Server } from '../api.ts';

/** The API document, for programs and for people. */
export function documentationRoutes(server: Server): void {
  server.serve('OpenApi', async () => {
    const { described } = await import('@berth/api-spec/described.ts');
    return { ...described };
  });
  server.serve('Docs', async (_request, reply) => {
    const { page, policy } = await import('./documentation-page.ts');
    reply.header('Content-Type', 'text/html; charset=utf-8');
    reply.header('Content-Security-Policy', policy);
    return page();
  });
}
