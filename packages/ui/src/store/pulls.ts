import { jsonLines, type Stream } from '../api/live.ts';
import { pathWith } from '../api/requests.ts';
import { Value } from '../base/value.ts';
import { engine } from './engine.ts';
import { type ProgressLine, type Pull, withLine } from './progress.ts';

/** Pulls of this page: they go on when another view is shown, and end with the page. The newest is the last. */
export const pulls = new Value<readonly Pull[]>([]);
const streams = new Map<number, { stream: Stream; ended: (pull: Pull) => void }>();
let count = 0;

function update(key: number, change: (pull: Pull) => Pull): void {
  pulls.set(pulls.get().map((one) => (one.key === key ? change(one) : one)));
}

function finish(key: number, change: (pull: Pull) => Pull): void {
  update(key, (pull) => (pull.state === 'running' ? change(pull) : pull));
  const ended = streams.get(key)?.ended;
  streams.delete(key);
  const pull = pulls.get().find((one) => one.key === key);
  if (ended && pull) ended(pull);
}

/** Begins to pull an image; a name without tag or digest means `latest`. Settles, and never fails, when it has ended. */
export function pull(image: string): { key: number; ended: Promise<Pull> } {
  const key = count++;
  pulls.set([...pulls.get(), { key, image, state: 'running', said: 'Asking the registry', layers: [] }]);
  const named = /@|:[^/]*$/.test(image);
  const query = { fromImage: image, ...(!named && { tag: 'latest' }) };
  const stream = engine.live.open(
    { method: 'POST', path: pathWith('/images/create', query) },
    {
      data: jsonLines((line) => update(key, (one) => withLine(one, line as ProgressLine))),
      end: (error) =>
        finish(key, (one) =>
          error ? { ...one, state: 'failed', said: error.message } : { ...one, state: 'done' },
        ),
    },
  );
  const ended = new Promise<Pull>((resolve) => {
    streams.set(key, { stream, ended: resolve });
  });
  return { key, ended };
}

/** Ends a pull: the engine is told, and asks the registry for no more of it. What has come whole stays for the next pull. */
export function cancel(key: number): void {
  streams.get(key)?.stream.close();
  finish(key, (one) => ({ ...one, state: 'cancelled', said: 'Cancelled' }));
}

/** Shows a pull that has ended no more. */
export const forget = (key: number): void => pulls.set(pulls.get().filter((one) => one.key !== key));
