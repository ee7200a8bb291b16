const cacheLocks = new Map<string, Promise<void>>();

/** Waits until nobody else has a cache that one RUN at a time may use (`sharing=locked`); returns how to give it back. */
export async function lockCache(id: string, signal: AbortSignal): Promise<() => Promise<void>> {
  const before = cacheLocks.get(id) ?? Promise.resolve();
  let release: () => void = () => undefined;
  const mine = new Promise<void>((resolve) => {
    release = resolve;
  });
  const tail = before.then(() => mine);
  cacheLocks.set(id, tail);
  const done = async () => {
    release();
    if (cacheLocks.get(id) === tail) cacheLocks.delete(id);
  };
  await Promise.race([
    before,
    new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true })),
  ]);
  if (signal.aborted) await done();
  signal.throwIfAborted();
  return done;
}
