import { useEffect, useRef, useState } from 'preact/hooks';
import { memory, percent, rate } from '../../base/text.ts';
import { followStats, type Sample } from '../../store/stats.ts';
import { Sparkline } from '../../widgets/sparkline.tsx';

const SHOWN = 30;

/** The resources that a running container uses, in cells of a row. A container is followed while the row is in sight. */
export function UsageCells({ id, runs }: { id: string; runs: boolean }) {
  const cell = useRef<HTMLTableCellElement>(null);
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  useEffect(() => {
    setSamples([]);
    if (!runs || !cell.current) return;
    let stop: (() => void) | undefined;
    const sight = new IntersectionObserver(
      (entries) => {
        const seen = entries.at(-1)!.isIntersecting;
        if (seen)
          stop ??= followStats(id, (sample) => setSamples((all) => [...all.slice(1 - SHOWN), sample]));
        else {
          stop?.();
          stop = undefined;
        }
      },
      { rootMargin: '50px' },
    );
    sight.observe(cell.current);
    return () => {
      sight.disconnect();
      stop?.();
    };
  }, [id, runs]);
  const last = samples.at(-1);
  return (
    <>
      <td ref={cell} class="number" data-title="CPU">
        {last && <Sparkline values={samples.map(({ cpu }) => cpu)} top={100} />}
        {last ? percent(last.cpu) : runs ? '…' : ''}
      </td>
      <td class="number" data-title="Memory">
        {last ? memory(last.memory) : ''}
      </td>
      <td class="number" data-title="Network">
        {last ? rate(last.received + last.sent) : ''}
      </td>
      <td class="number" data-title="Disk">
        {last ? rate(last.read + last.written) : ''}
      </td>
    </>
  );
}
