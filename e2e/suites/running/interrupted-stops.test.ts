import { sleep, TestDaemon, until } from '../../support/daemon.ts';
import { changeRecord } from '../../support/records.ts';

/* Stops and restarts whose daemon was killed before they had come to their end. */

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(() => daemon?.dispose());

const state = async (id: string) => (await daemon.call('GET', `/containers/${id}/json`)).json?.State;
const remove = (id: string) => daemon.call('DELETE', `/containers/${id}?force=1&v=1`);

test('a stop and a restart keep their deadline when the daemon is killed meanwhile', async () => {
  const stubborn = ['sh', '-c', "trap '' TERM; while :; do sleep 0.1; done"];
  const [stopped, restarted] = [await daemon.box(stubborn), await daemon.box(stubborn)];
  const { Pid } = await state(restarted);
  await sleep(300); // until both ignore the signal
  const asked = Date.now();
  const asks = [
    daemon.call('POST', `/containers/${stopped}/stop?t=4`),
    daemon.call('POST', `/containers/${restarted}/restart?t=4`),
  ].map((ask) => ask.catch(() => undefined));
  await sleep(300);
  for (let kills = 0; kills < 2; kills++) {
    await daemon.down('SIGKILL');
    await daemon.up();
  }
  expect((await state(stopped)).Running).toBe(true);
  await until('the end', async () => !(await state(stopped)).Running);
  const took = Date.now() - asked;
  expect(took).toBeGreaterThan(3900);
  expect(took).toBeLessThan(7000);
  expect(await state(stopped)).toMatchObject({ Status: 'exited', ExitCode: 137 });
  await until('the restart', async () => {
    const now = await state(restarted);
    return now.Running && now.Pid !== Pid;
  });
  await Promise.all(asks);
  await Promise.all([stopped, restarted].map(remove));
});

test('a stop whose signal is not known to be sent sends it; one that waits for ever goes on with that', async () => {
  const box = () => daemon.box(['sh', '-c', "trap 'exit 7' TERM; while :; do sleep 0.1; done"]);
  const [unsent, restarted] = [await box(), await box()];
  const { Pid } = await state(restarted);
  await sleep(300); // until both have their traps
  await daemon.down('SIGKILL');
  changeRecord(daemon, 'container_states', unsent, (row) => ({
    ...row,
    stop: { next: { signal: 15, seconds: 60 } },
  }));
  changeRecord(daemon, 'container_states', restarted, (row) => ({ ...row, restarting: true, stop: {} }));
  await daemon.up();
  await until('the end', async () => !(await state(unsent)).Running);
  expect(await state(unsent)).toMatchObject({ Status: 'exited', ExitCode: 7 });
  expect(await state(restarted)).toMatchObject({ Running: true, Pid });
  process.kill(Pid, 'SIGTERM');
  await until('the restart', async () => {
    const now = await state(restarted);
    return now.Running && now.Pid !== Pid;
  });
  await Promise.all([unsent, restarted].map(remove));
});
