import type { Question, WhyAnswers, WhyOptions } from '../api.ts';
import type { ExplainRooms } from '../rooms.ts';
import { whyEnded } from './exit.ts';
import { whyUnhealthy } from './health.ts';
import { Inquiry } from './inquiry.ts';
import { whyNotReached } from './reach.ts';
import { whyNotResolved } from './resolve.ts';
import { whySlow } from './slow.ts';
import { whyNotWritten } from './write.ts';

const ASK: Record<Question, (inquiry: Inquiry) => Promise<void>> = {
  exit: whyEnded,
  reach: whyNotReached,
  write: whyNotWritten,
  slow: whySlow,
  resolve: whyNotResolved,
  health: whyUnhealthy,
};

/** Answers the questions about a container, each from what can be seen now. */
export async function why(rooms: ExplainRooms, reference: string, options: WhyOptions): Promise<WhyAnswers> {
  const container = rooms.containers.get(reference);
  if (options.from !== undefined) rooms.containers.get(options.from);
  const asked = options.questions.length > 0 ? options.questions : (Object.keys(ASK) as Question[]);
  const inquiries = asked.map((question) => new Inquiry(rooms, container, options, question));
  await Promise.all(inquiries.map((inquiry) => ASK[inquiry.question](inquiry)));
  return {
    Id: container.record.id,
    Name: container.record.name,
    Status: container.state.status,
    Answers: inquiries.flatMap(({ answers }) => answers).sort((a, b) => Number(b.Sure) - Number(a.Sure)),
    Looked: inquiries.map(({ question, sources }) => ({ Question: question, Sources: [...sources] })),
  };
}
