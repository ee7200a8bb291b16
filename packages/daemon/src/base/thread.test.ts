import { pathToFileURL } from 'node:url';
import { inThread } from './thread.ts';

const modules = (name: string) => JSON.stringify(pathToFileURL(`${import.meta.dirname}/${name}`).href);

/** A thread's program, of the body of a function that is given `job` and `signal`. */
const program = (body: string) =>
  new URL(
    `data:text/javascript,${encodeURIComponent(
      `import { serveThread } from ${modules('thread.ts')};
       import { notFound } from ${modules('errors.ts')};
       serveThread(async (job, signal) => { ${body} });`,
    )}`,
  );
const options = { name: 'test', memory: 32, tooLarge: 'it is too large' };

test('a job is done in a thread, while this one goes on', async () => {
  let turns = 0;
  const ticker = setInterval(() => turns++, 5);
  const work = 'const end = Date.now() + 300; while (Date.now() < end); return job.a + 1;';
  expect(await inThread(program(work), { a: 1 }, options)).toBe(2);
  clearInterval(ticker);
  expect(turns).toBeGreaterThan(20);
});

test('an error has the kind that it was given', async () => {
  await expect(inThread(program('throw notFound("no layer")'), {}, options)).rejects.toMatchObject({
    kind: 'not-found',
    message: 'no layer',
  });
  await expect(inThread(program('throw new Error("a mistake")'), {}, options)).rejects.toThrow('a mistake');
  await expect(inThread(program('process.exit(1)'), {}, options)).rejects.toThrow('ended early');
});

test('a job that needs too much memory fails alone', async () => {
  const hungry = 'const all = []; for (;;) all.push({ number: all.length });';
  await expect(inThread(program(hungry), {}, options)).rejects.toMatchObject({
    kind: 'unsupported',
    message: 'it is too large',
  });
});

test('a job that nobody waits for is stopped', async () => {
  const stop = new AbortController();
  const job = inThread(
    program(
      'await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))',
    ),
    {},
    { ...options, signal: stop.signal },
  );
  setTimeout(() => stop.abort(new Error('the client is gone')), 100);
  await expect(job).rejects.toThrow('the client is gone');
  await expect(
    inThread(program(''), {}, { ...options, signal: AbortSignal.abort(new Error('gone')) }),
  ).rejects.toThrow('gone');
});

test('a few jobs run at once, and the others after them', async () => {
  const held = 'await new Promise((resolve) => setTimeout(resolve, 400)); return Date.now();';
  const begun = Date.now();
  const stop = new AbortController();
  const given = inThread(program(held), {}, options);
  const second = inThread(program(held), {}, options);
  const unwanted = inThread(program(held), {}, { ...options, signal: stop.signal });
  const last = inThread<number>(program(held), {}, options);
  stop.abort(new Error('the client is gone'));
  await expect(unwanted).rejects.toThrow('the client is gone');
  expect(Date.now() - begun).toBeLessThan(400);
  await Promise.all([given, second]);
  expect((await last) - begun).toBeGreaterThanOrEqual(800);
  // Those that ended have made room.
  await Promise.all([1, 2, 3].map(() => inThread(program('return 1'), {}, options)));
});
