import { invalidParameter } from '../../base/errors.ts';
import type { Question } from '../../explain/api.ts';
import { CONTENT_TYPE } from '../../metrics/api.ts';
import type { Services } from '../../services.ts';
import type { Server } from '../api.ts';

const QUESTIONS: readonly Question[] = ['exit', 'reach', 'write', 'slow', 'resolve', 'health'];

/** /berth/explain, /berth/audit and /metrics */
export function explainRoutes(server: Server, { explain, audit, metrics }: Services): void {
  server.serve('Metrics', (_request, reply) => {
    reply.header('Content-Type', CONTENT_TYPE);
    return metrics.text();
  });
  server.serve('AuditContainer', ({ params }) => audit.container(params['id']!));
  server.serve('AuditImage', ({ params, signal }) => audit.image(params['name']!, { signal }));
  server.serve('AuditNetwork', ({ params }) => audit.network(params['id']!));
  server.serve('AuditHost', () => audit.host());
  server.serve('AuditRules', () => audit.rules());
  server.serve('ExplainContainer', ({ params }) => explain.container(params['id']!));
  server.serve('ExplainImage', ({ params }) => explain.image(params['name']!));
  server.serve('ExplainNetwork', ({ params }) => explain.network(params['id']!));
  server.serve('ExplainContainerWhy', ({ params, query }) => {
    const { from, name, path } = query;
    return explain.why(params['id']!, {
      questions: questionsOf(query['question']),
      ...(from && { from }),
      ...(name && { name }),
      ...(path && { path }),
    });
  });
}

function questionsOf(text: string | undefined): Question[] {
  const words = (text ?? '').split(',').filter((word) => word !== '');
  const wrong = words.find((word) => !(QUESTIONS as readonly string[]).includes(word));
  if (wrong !== undefined)
    throw invalidParameter(
      `invalid question: ${JSON.stringify(wrong)} is not one of ${QUESTIONS.join(', ')}`,
    );
  return words as Question[];
}
