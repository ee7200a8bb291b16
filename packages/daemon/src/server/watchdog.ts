import { createHook, executionAsyncResource } from 'node:async_hooks';
import { log } from '../base/log.ts';

/**
 * Names the requests that hold the event loop, in the daemons that tests run (`BERTH_WATCHDOG_MS=50`). Elsewhere nothing
 * of it is loaded into the running of a request. What counts is the main thread's CPU time between two turns of the loop,
 * so that a machine that is busy with other things raises no alarm.
 */

/** How often the loop is expected to turn, in milliseconds. */
const TURN = 10;

const owner = Symbol('berth.watched');
type Owned = { [owner]?: string };

/** Marks what runs now, and all that it starts, as the work of a request. */
export type Watch = (method: string, path: string) => void;

const cpu = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

/** The watchdog that the environment asks for; undefined without it. */
export function startWatchdog(): Watch | undefined {
  const limit = Number(process.env['BERTH_WATCHDOG_MS'] ?? 0);
  if (!(limit > 0)) return undefined;
  /** CPU time since the last turn, by request. */
  const spent = new Map<string, number>();
  const began: number[] = [];
  createHook({
    init(_id, _type, _trigger, resource) {
      const name = (executionAsyncResource() as Owned)[owner];
      if (name !== undefined) (resource as Owned)[owner] = name;
    },
    before() {
      began.push(cpu());
    },
    after() {
      const start = began.pop();
      // Work within work is its caller's.
      if (start === undefined || began.length > 0) return;
      const name = (executionAsyncResource() as Owned)[owner] ?? 'the daemon itself';
      spent.set(name, (spent.get(name) ?? 0) + cpu() - start);
    },
  }).enable();
  let last = cpu();
  setInterval(() => {
    const now = cpu();
    if (now - last >= limit)
      for (const [request, time] of spent)
        if (time >= limit) log.warn({ request, ms: Math.round(time) }, 'a request held the event loop');
    spent.clear();
    last = now;
  }, TURN).unref();
  return (method, path) => {
    (executionAsyncResource() as Owned)[owner] = `${method} ${path.slice(0, 200)}`;
  };
}
