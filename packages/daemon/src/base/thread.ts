import { parentPort, Worker, workerData } from 'node:worker_threads';
import { BerthError, type ErrorKind, systemError, unsupported } from './errors.ts';

/** The end of a job, as its thread tells it. */
type Outcome =
  | { result: unknown }
  | { failed: { message: string; kind?: ErrorKind; code?: string | undefined; stack?: string | undefined } };

export interface ThreadOptions {
  /** The thread's name in stacks and in the kernel's list of threads. */
  name: string;
  /** Memory for objects, in MiB; a job that needs more ends with `tooLarge`. */
  memory: number;
  tooLarge: string;
  signal?: AbortSignal | undefined;
}

/** Threads at once: each may use its whole memory, and more of them would be no sooner done. */
const MOST = 2;
let running = 0;
const waiting = new Set<() => void>();

/** Waits until a thread may be started; gives the function that makes room for the next. @throws the reason of `signal` */
async function room(signal: AbortSignal | undefined): Promise<() => void> {
  if (running >= MOST)
    await new Promise<void>((resolve, reject) => {
      const next = () => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        waiting.delete(next);
        reject(signal?.reason);
      };
      waiting.add(next);
      signal?.addEventListener('abort', leave, { once: true });
    });
  else running++;
  return () => {
    // The one who waited takes the place over, so that nobody gets in between.
    const [next] = waiting;
    if (next) {
      waiting.delete(next);
      next();
    } else running--;
  };
}

/**
 * The program of a thread: `source` as it is written, where tests run it, or else `bundled` beside the bundle.
 * @param here the caller's `import.meta.url`, which both are relative to
 */
export const threadProgram = (here: string, source: string, bundled: string): URL =>
  new URL(here.endsWith('.ts') ? source : bundled, here);

/**
 * Does a job in a thread of its own, whose memory is collected without holding up the event loop and is free when the
 * job ends. `job` and the result are plain data. The program calls `serveThread`. Only so many run at once; others wait.
 * @param program a file that is an entry point of the bundle
 * @throws the error of the job, typed as it was; the reason of `signal`; unsupported for one that needs too much memory
 */
export async function inThread<Result>(program: URL, job: unknown, options: ThreadOptions): Promise<Result> {
  const { name, memory, tooLarge, signal } = options;
  signal?.throwIfAborted();
  const leave = await room(signal);
  let worker: Worker;
  try {
    worker = new Worker(program, {
      name,
      workerData: job,
      resourceLimits: { maxOldGenerationSizeMb: memory },
    });
  } catch (error) {
    leave();
    throw error;
  }
  worker.unref();
  // Asked, not terminated: a thread that ends by itself waits for the processes that it started.
  const stop = () => worker.postMessage('stop');
  signal?.addEventListener('abort', stop, { once: true });
  return new Promise<Result>((resolve, reject) => {
    const fail = (error: unknown) => reject(signal?.aborted ? signal.reason : error);
    worker.once('message', (outcome: Outcome) => {
      if ('result' in outcome) resolve(outcome.result as Result);
      else fail(revived(outcome.failed));
    });
    worker.once('error', (error: NodeJS.ErrnoException) => {
      fail(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? unsupported(tooLarge, error) : error);
    });
    worker.once('exit', () => {
      leave();
      fail(systemError(`the thread ${name} ended early`));
    });
  }).finally(() => signal?.removeEventListener('abort', stop));
}

function revived({ message, kind, code, stack }: Extract<Outcome, { failed: unknown }>['failed']): Error {
  const error = kind ? new BerthError(kind, message, code === undefined ? {} : { code }) : new Error(message);
  if (stack) error.stack = stack;
  return error;
}

/** The thread's side of `inThread`: does the job that it was started for and tells the result. */
export function serveThread<Job>(work: (job: Job, signal: AbortSignal) => Promise<unknown>): void {
  const port = parentPort!;
  const stopping = new AbortController();
  port.once('message', () => stopping.abort());
  const told = (outcome: Outcome) => {
    port.postMessage(outcome);
    port.close();
  };
  work(workerData as Job, stopping.signal).then(
    (result) => told({ result }),
    (error: Error) =>
      told({
        failed: {
          message: error.message,
          stack: error.stack,
          ...(error instanceof BerthError && { kind: error.kind, code: error.code }),
        },
      }),
  );
}
