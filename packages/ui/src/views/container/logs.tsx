import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { demux } from '../../api/demux.ts';
import { nextFrame } from '../../api/live.ts';
import { pathWith } from '../../api/requests.ts';
import { engine } from '../../store/engine.ts';
import { Lines, lineCutter, readLine } from '../../store/lines.ts';
import { Check } from '../../widgets/check.tsx';
import { LineView } from '../../widgets/lines.tsx';

const TAILS = ['1000', '10000', '50000'];

/** Follows a container's log into `lines`; `changed` is called when some came. Returns what ends that. */
function followLog(id: string, tail: string, lines: Lines, changed: (ended?: string) => void): () => void {
  const outputs = {
    1: lineCutter((raw) => lines.add(readLine(raw, false))),
    2: lineCutter((raw) => lines.add(readLine(raw, true))),
  };
  const apart = demux((output, bytes) => outputs[output].push(bytes));
  let multiplexed = true;
  const query = { follow: true, stdout: true, stderr: true, timestamps: true, tail };
  const stream = engine.live.open(
    { method: 'GET', path: pathWith(`/containers/${id}/logs`, query) },
    {
      begin: (type) => {
        multiplexed = !type.includes('raw-stream');
      },
      data: (chunk) => {
        if (multiplexed) apart(chunk);
        else outputs[1].push(chunk);
        changed();
        // A log that is written faster than it can be drawn waits.
        return nextFrame();
      },
      end: (error) => {
        outputs[1].flush();
        outputs[2].flush();
        changed(error?.message ?? 'The log ended: the container does not run.');
      },
    },
  );
  return () => stream.close();
}

/** A container's log: its last lines, those that come, and those that hold a text. */
export function Logs({ id, runs }: { id: string; runs: boolean }) {
  const [tail, setTail] = useState(TAILS[0]!);
  const [text, setText] = useState('');
  const [only, setOnly] = useState(false);
  const [times, setTimes] = useState(false);
  const [follow, setFollow] = useState(true);
  const [ended, setEnded] = useState('');
  const [current, setCurrent] = useState<number | undefined>(undefined);
  const [, draw] = useState(0);
  const lines = useMemo(() => new Lines(), [id, tail, runs]);
  const waiting = useRef(false);
  useEffect(() => {
    setEnded('');
    lines.search(text);
    return followLog(id, tail, lines, (why) => {
      if (why) setEnded(why);
      if (waiting.current) return;
      waiting.current = true;
      void nextFrame().then(() => {
        waiting.current = false;
        draw((count) => count + 1);
      });
    });
  }, [lines]);
  const search = (wanted: string): void => {
    setText(wanted);
    lines.search(wanted);
    setCurrent(undefined);
  };
  const found = lines.matches.filter((number) => number >= lines.first);
  const step = (by: 1 | -1): void => {
    if (found.length === 0) return;
    const from = current ?? lines.end;
    const next =
      by === 1
        ? (found.find((number) => number > from) ?? found[0]!)
        : (found.findLast((number) => number < from) ?? found.at(-1)!);
    setFollow(false);
    setCurrent(next);
  };
  return (
    <section class="logs" aria-label="Log">
      <div class="bar">
        <search class="find">
          <form
            onSubmit={(event) => {
              event.preventDefault();
              step(-1);
            }}
          >
            <label>
              <span class="unseen">Search the log</span>
              <input
                type="search"
                placeholder="Search"
                value={text}
                onInput={({ currentTarget }) => search(currentTarget.value)}
              />
            </label>
          </form>
        </search>
        {text !== '' && (
          <>
            <span class="count" role="status">
              {current === undefined ? '' : `${found.indexOf(current) + 1} of `}
              {found.length} lines
            </span>
            <button type="button" onClick={() => step(-1)} aria-label="Match before">
              ↑
            </button>
            <button type="button" onClick={() => step(1)} aria-label="Match after">
              ↓
            </button>
            <Check checked={only} onChecked={setOnly}>
              These lines only
            </Check>
          </>
        )}
        <Check checked={times} onChecked={setTimes}>
          Times
        </Check>
        <Check checked={follow} onChecked={setFollow}>
          Follow
        </Check>
        <label>
          From the last{' '}
          <select value={tail} onChange={({ currentTarget }) => setTail(currentTarget.value)}>
            {TAILS.map((count) => (
              <option key={count}>{count}</option>
            ))}
          </select>{' '}
          lines
        </label>
      </div>
      <LineView
        lines={lines}
        shown={text !== '' && only ? found : undefined}
        mark={text.toLowerCase()}
        current={current}
        times={times}
        follow={follow}
        onFollow={setFollow}
      />
      <p class="count" role="status">
        {lines.end} lines{lines.first > 0 ? `, the last ${lines.length} are kept` : ''}. {ended}
      </p>
    </section>
  );
}
