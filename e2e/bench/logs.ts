import type { Engine } from './engines.ts';
import { median, report, timed } from './measure.ts';

const megabytes = 64;

/** How fast a container's output reaches its log, and how fast the log is read back. */
export async function logs(engines: { berth: Engine; docker: Engine }): Promise<void> {
  const written: Record<'berth' | 'docker', number[]> = { berth: [], docker: [] };
  const read: Record<'berth' | 'docker', number[]> = { berth: [], docker: [] };
  // Lines of 100 bytes, prepared before the clock runs: making them must not be what is measured.
  const script = `dd if=/dev/zero bs=99 count=1 2>/dev/null | tr '\\0' x > /l; echo >> /l; for i in $(seq 12); do cat /l /l > /m; mv /m /l; done; i=0; while [ $i -lt ${Math.ceil((megabytes * 1024) / 400)} ]; do cat /l >> /all; i=$((i+1)); done; : > /ready; while [ ! -e /go ]; do sleep 0.02; done; cat /all; : > /done; sleep 600`;
  for (let round = 0; round < 3; round++) {
    for (const engine of [engines.berth, engines.docker]) {
      const id = await engine.run({ Cmd: ['sh', '-c', script], HostConfig: { NetworkMode: 'none' } });
      const exec = async (cmd: string) => {
        const { Id } = await engine.must('POST', `/containers/${id}/exec`, {
          Cmd: ['sh', '-c', cmd],
          AttachStdout: true,
        });
        await engine.call('POST', `/exec/${Id}/start`, { Detach: false });
      };
      await exec('while [ ! -e /ready ]; do sleep 0.05; done');
      const wrote = await timed(() => exec(': > /go; while [ ! -e /done ]; do sleep 0.01; done'));
      written[engine.name].push(megabytes / (wrote / 1000));
      let bytes = 0;
      const took = await timed(async () => {
        bytes = (await engine.call('GET', `/containers/${id}/logs?stdout=1&stderr=1`)).text.length;
      });
      read[engine.name].push(bytes / 1e6 / (took / 1000));
      await engine.remove(id);
    }
  }
  report('log written', median(written.berth), median(written.docker), 'MB/s', '8', 'more');
  report('log read', median(read.berth), median(read.docker), 'MB/s', '4', 'more');
}
