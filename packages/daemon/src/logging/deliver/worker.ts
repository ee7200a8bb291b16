/*
 * The deliverer of logs: a thread of the daemon, so that whatever a receiver does, and however much there is to send, no
 * request waits for it. It keeps nothing that is not in the folders it is given.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort } from 'node:worker_threads';
import { openSink } from './drivers.ts';
import { Follower, type Tell } from './follower.ts';
import { type DeliveryRecord, type Order, RECORD, type Report } from './record.ts';

/** How long a start waits for a receiver that does not answer, in milliseconds; one that refuses fails it at once. */
const CONNECT_PATIENCE = 2000;

const followers = new Map<string, Follower>();
/** Followers that have not ended: also those of removed containers, which have something left to send. */
const running = new Set<Follower>();
/** Orders for one folder are carried out one after the other. */
const queues = new Map<string, Promise<void>>();

const report = (what: Report): void => parentPort!.postMessage(what);
const tell: Tell = (level, fields, text) => report({ is: 'log', level, fields, text });

async function open({ folder, number, connect }: Extract<Order, { do: 'open' }>): Promise<void> {
  let error: string | undefined;
  try {
    const record = JSON.parse(readFileSync(join(folder, RECORD), 'utf8')) as DeliveryRecord;
    const sink = await openSink(record);
    await followers.get(folder)?.stop();
    if (connect) error = await refusal(sink.open());
    follow(new Follower(folder, record, sink, tell));
  } catch (cause) {
    error = (cause as Error).message;
  }
  report({ is: 'opened', number, following: followers.has(folder), ...(error !== undefined && { error }) });
}

function follow(follower: Follower): void {
  followers.set(follower.folder, follower);
  running.add(follower);
  void follower.done.then(() => {
    running.delete(follower);
    tellIdle();
  });
}

function tellIdle(): void {
  if (running.size === 0 && queues.size === 0) report({ is: 'idle' });
}

/** Why the receiver can't be reached; undefined where it can, or where it takes too long to say. */
async function refusal(opened: Promise<void>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), CONNECT_PATIENCE);
  });
  const answer = opened.then(
    () => undefined,
    (error: Error) => error.message,
  );
  const why = await Promise.race([answer, late]);
  clearTimeout(timer);
  return why;
}

async function carryOut(order: Order): Promise<void> {
  if (order.do === 'open') return open(order);
  const follower = followers.get(order.folder);
  follower?.hurry(true);
  if (order.do === 'removed') followers.delete(order.folder);
}

parentPort?.on('message', (order: Order) => {
  const before = queues.get(order.folder) ?? Promise.resolve();
  const after = before
    .then(() => carryOut(order))
    .catch((error) => tell('error', { folder: order.folder, err: `${error}` }, 'the delivery of a log'))
    .finally(() => {
      if (queues.get(order.folder) === after) queues.delete(order.folder);
      tellIdle();
    });
  queues.set(order.folder, after);
});
