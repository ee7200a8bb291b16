/** Resolves after `ms` milliseconds. */
export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** A slow machine (an emulated one) is waited for longer. */
export const patience = () => Number(process.env['BERTH_TEST_PATIENCE'] ?? 1);

/** Waits until `check` gives a truthy value; throws with `what` after `ms` milliseconds. */
export async function until<T>(
  what: string,
  check: () => T | Promise<T>,
  ms = 30_000,
): Promise<NonNullable<T>> {
  const deadline = Date.now() + ms * patience();
  for (;;) {
    const value = await check();
    if (value) return value as NonNullable<T>;
    if (Date.now() > deadline) throw new Error(`gave up waiting for ${what}`);
    await sleep(25);
  }
}
