// Steps of a scenario: each is written to $STEPS as it ends.
import { appendFileSync } from 'node:fs';

const failed: string[] = [];

/** The members that clients' errors have besides a text. */
type Refusal = Error & { statusCode?: number; reason?: string };

/** Writes a step with what came of it. */
export function note(name: string, value: unknown): void {
  appendFileSync(process.env['STEPS']!, `${JSON.stringify([name, value ?? null])}\n`);
}

/** Runs a step; an error is its result, and ends the scenario badly. */
export async function step<Result>(
  name: string,
  run: () => Result | Promise<Result>,
): Promise<Result | undefined> {
  try {
    const value = await run();
    note(name, value);
    return value;
  } catch (error) {
    console.error(name, error);
    failed.push(name);
    note(name, { raised: (error as Refusal).statusCode ?? (error as Error).name, text: String(error) });
    return undefined;
  }
}

/** Runs a step that has to fail: the error is its result. */
export async function refused(name: string, run: () => unknown): Promise<void> {
  try {
    note(name, { returned: await run() });
    failed.push(name);
  } catch (error) {
    const { statusCode, reason, message } = error as Refusal;
    note(name, { status: statusCode, reason, text: message });
  }
}

/** Ends the scenario, with status 1 where a step went wrong. */
export function end(): never {
  if (failed.length > 0) console.error(`went wrong: ${failed.join(', ')}`);
  process.exit(failed.length > 0 ? 1 : 0);
}
