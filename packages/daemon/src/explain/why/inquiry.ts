import type { ContainerSnapshot } from '../../containers/api.ts';
import type { Question, WhyAnswer, WhyOptions } from '../api.ts';
import type { ExplainRooms } from '../rooms.ts';
import { logTail } from './log-tail.ts';

/** One question about one container: what is looked at, and the answers that came of it. */
export class Inquiry {
  readonly rooms: ExplainRooms;
  readonly container: ContainerSnapshot;
  readonly options: WhyOptions;
  readonly question: Question;
  readonly answers: WhyAnswer[] = [];
  readonly sources = new Set<string>();
  readonly #evidence = new Map<string, string>();

  constructor(rooms: ExplainRooms, container: ContainerSnapshot, options: WhyOptions, question: Question) {
    this.rooms = rooms;
    this.container = container;
    this.options = options;
    this.question = question;
  }

  /** Asked for by name: properties that may be wanted are told as well. */
  get explicit(): boolean {
    return this.options.questions.includes(this.question);
  }

  /** Notes what was found at a source; it stands with the next answer that is given. */
  saw(source: string, found: string): void {
    this.sources.add(source);
    this.#evidence.set(source, found.slice(0, 400));
  }

  /** Notes a source where nothing of interest was found. */
  looked(source: string): void {
    this.sources.add(source);
  }

  answer(cause: string, text: string, advice: string, { sure = true }: { sure?: boolean } = {}): void {
    this.answers.push({
      Question: this.question,
      Cause: `${this.question}.${cause}`,
      Sure: sure,
      Text: text,
      Advice: advice,
      Evidence: [...this.#evidence].map(([Source, Found]) => ({ Source, Found })),
    });
    this.#evidence.clear();
  }

  /** Takes back what was seen and led nowhere. */
  forget(): void {
    this.#evidence.clear();
  }

  /** The last lines that the container wrote. */
  async log(): Promise<string[]> {
    this.looked('its log');
    return logTail(this.rooms, this.container.record.id);
  }
}
