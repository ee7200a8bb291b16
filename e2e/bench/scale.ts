import { loadavg } from 'node:os';
import type { Engine } from './engines.ts';
import { figure, median, timed } from './measure.ts';

/** How many containers run while lists are timed; half as many more are stopped. */
const RUNNING = Number(process.env['BERTH_BENCH_CONTAINERS'] ?? 1000);
/** How many start at once. */
const AT_ONCE = 16;

/** Lists beside a thousand containers, and the start of a daemon that finds them. Berth alone: dockerd takes many minutes to start them. */
export async function scale({ berth }: { berth: Engine; docker?: Engine }): Promise<void> {
  process.stdout.write(`load average ${loadavg()[0]!.toFixed(2)}, ${RUNNING} containers run\n`);
  const ids: string[] = [];
  const body = (index: number) => ({
    Cmd: ['sleep', '100000'],
    Labels: { number: String(index) },
    HostConfig: { NetworkMode: 'none' },
  });
  const each = async (count: number, work: (index: number) => Promise<void>) => {
    let next = 0;
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (next < count) await work(next++);
      }),
    );
  };
  try {
    const started = await timed(() =>
      each(RUNNING, async (index) => {
        ids.push(await berth.run(body(index), `scale-${index}`));
      }),
    );
    figure('start of one of them, 16 at a time', started / RUNNING, 'ms', 20);
    await each(RUNNING / 2, async (index) => {
      const { Id } = await berth.must('POST', `/containers/create?name=stopped-${index}`, {
        Image: 'busybox',
        ...body(index),
      });
      ids.push(Id);
    });
    const time = async (what: string, path: string, limit: number, rounds = 5) => {
      const times: number[] = [];
      await berth.must('GET', path);
      for (let round = 0; round < rounds; round++) times.push(await timed(() => berth.must('GET', path)));
      figure(what, median(times), 'ms', limit);
    };
    const filter = (filters: Record<string, string[]>) => encodeURIComponent(JSON.stringify(filters));
    await time('ps', '/containers/json', 100);
    await time('ps -a', '/containers/json?all=1', 150);
    await time('ps -a, one name', `/containers/json?all=1&filters=${filter({ name: ['^scale-7$'] })}`, 20);
    await time(
      'ps -a, an expression',
      `/containers/json?all=1&filters=${filter({ name: ['-7[0-9]*5$'] })}`,
      50,
    );
    await time('ps -a -s', '/containers/json?all=1&size=1', 500);
    await time('system df', '/system/df', 700);
    await time('info', '/info', 20);
    await time('networks', '/networks', 20);
    await time('network inspect none', '/networks/none', 60);
    await berth.restart();
    figure('daemon start to the first ping', berth.startMs, 'ms', 2000);
  } finally {
    await each(ids.length, (index) => berth.remove(ids[index]!));
  }
}
