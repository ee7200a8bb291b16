import { sleep } from '../support/daemon.ts';

/** Milliseconds that a step waits for what it expects: a daemon that is killed again and again has to come to it. */
const PATIENCE = 120_000;

export interface Row {
  scenario: string;
  step: string;
  failure?: string;
  /** In milliseconds. */
  took: number;
}

/** The steps of scenarios and what came of them, as they happen. */
export class Table {
  readonly rows: Row[] = [];
  readonly #scenario: string;

  constructor(scenario: string) {
    this.#scenario = scenario;
  }

  /** Runs a step and notes what came of it; a step that failed does not keep the next ones from being tried. */
  async step(step: string, run: () => unknown): Promise<void> {
    const start = performance.now();
    let failure: string | undefined;
    try {
      await run();
    } catch (error) {
      failure = (error as Error).message;
    }
    const row = {
      scenario: this.#scenario,
      step,
      took: performance.now() - start,
      ...(failure && { failure }),
    };
    this.rows.push(row);
    process.stdout.write(`${line(row)}\n`);
  }
}

export function line({ scenario, step, failure, took }: Row): string {
  const words = `${failure === undefined ? 'ok  ' : 'FAIL'} ${scenario.padEnd(20)} ${step.padEnd(64)}`;
  return `${words} ${(took / 1000).toFixed(1).padStart(6)} s${failure ? `\n     ${failure.replaceAll('\n', '\n     ')}` : ''}`;
}

/** Waits until `check` neither throws nor gives a false value; its last error is the reason of the failure. */
export async function eventually<T>(
  what: string,
  check: () => T | Promise<T>,
  ms = PATIENCE,
): Promise<NonNullable<T>> {
  let last = '';
  for (const deadline = Date.now() + ms; ; await sleep(250)) {
    try {
      const value = await check();
      if (value) return value as NonNullable<T>;
      last = '';
    } catch (error) {
      last = `: ${(error as Error).message}`;
    }
    if (Date.now() > deadline) throw new Error(`gave up waiting for ${what}${last}`);
  }
}

/** @throws Error where a text does not have what is expected of it. */
export function expectIn(text: string, expected: string, what: string): void {
  if (!text.includes(expected))
    throw new Error(`${what}: ${JSON.stringify(expected)} is not in ${JSON.stringify(text.slice(0, 2000))}`);
}

export function expectSame(found: unknown, expected: unknown, what: string): void {
  if (JSON.stringify(found) !== JSON.stringify(expected))
    throw new Error(`${what}: ${JSON.stringify(found)} and not ${JSON.stringify(expected)}`);
}
