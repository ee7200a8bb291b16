import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { SCROLLS } from './scrolls.ts';

/** Pixels; the style sheet gives each line the same. */
const HEIGHT = 18;
/** Lines that are drawn above and below those in sight. */
const SPARE = 10;

interface Shown {
  time: string;
  text: string;
  error: boolean;
}

interface Source {
  readonly first: number;
  readonly end: number;
  readonly length: number;
  at(number: number): Shown | undefined;
}

interface Props {
  lines: Source;
  /** Numbers of the lines to show; all, where there are none. */
  shown: readonly number[] | undefined;
  /** Small letters; what holds them is marked. */
  mark: string;
  /** The line to be brought into sight. */
  current: number | undefined;
  times: boolean;
  follow: boolean;
  onFollow: (follow: boolean) => void;
}

/** A text with each place that holds `mark` marked. */
function Marked({ text, mark }: { text: string; mark: string }) {
  if (mark === '' || !text.toLowerCase().includes(mark)) return <>{text}</>;
  const parts = [];
  const small = text.toLowerCase();
  let from = 0;
  for (let at = small.indexOf(mark); at !== -1; at = small.indexOf(mark, from)) {
    parts.push(text.slice(from, at), <mark key={at}>{text.slice(at, at + mark.length)}</mark>);
    from = at + mark.length;
  }
  return (
    <>
      {parts}
      {text.slice(from)}
    </>
  );
}

/** Lines of which only those in sight are in the page, however many there are. */
export function LineView({ lines, shown, mark, current, times, follow, onFollow }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(400);
  const first = useRef(lines.first);
  /** The scroll position that this program set last: a differing one is the user's. */
  const own = useRef(0);
  const count = shown ? shown.length : lines.length;
  useEffect(() => {
    const sight = new ResizeObserver(() => setHeight(box.current?.clientHeight ?? 400));
    sight.observe(box.current!);
    return () => sight.disconnect();
  }, []);
  const scroll = (to: number): void => {
    const element = box.current!;
    element.scrollTop = to;
    own.current = element.scrollTop;
    setTop(element.scrollTop);
  };
  useLayoutEffect(() => {
    const gone = lines.first - first.current;
    first.current = lines.first;
    if (follow) scroll(count * HEIGHT);
    // Lines that went above leave those in sight where they are.
    else if (gone > 0 && !shown) scroll(box.current!.scrollTop - gone * HEIGHT);
  });
  useLayoutEffect(() => {
    if (current === undefined) return;
    const place = shown ? shown.indexOf(current) : current - lines.first;
    scroll(Math.max(0, place * HEIGHT - height / 2));
  }, [current]);
  const from = Math.max(0, Math.floor(top / HEIGHT) - SPARE);
  const to = Math.min(count, Math.ceil((top + height) / HEIGHT) + SPARE);
  const rows = [];
  for (let place = from; place < to; place++) {
    const number = shown ? shown[place]! : lines.first + place;
    const line = lines.at(number);
    if (!line) continue;
    const kind = `${line.error ? 'line error' : 'line'}${number === current ? ' current' : ''}`;
    rows.push(
      <div key={number} class={kind} style={{ top: `${place * HEIGHT}px` }}>
        {times && <time>{line.time.slice(0, 23).replace('T', ' ')}</time>}
        <Marked text={line.text} mark={mark} />
      </div>,
    );
  }
  return (
    <div
      ref={box}
      class="lines"
      role="log"
      aria-live="off"
      aria-label="Lines"
      {...SCROLLS}
      onScroll={({ currentTarget }) => {
        setTop(currentTarget.scrollTop);
        if (Math.abs(currentTarget.scrollTop - own.current) < 2) return;
        own.current = currentTarget.scrollTop;
        onFollow(currentTarget.scrollTop + currentTarget.clientHeight >= currentTarget.scrollHeight - 2);
      }}
    >
      <div class="all" style={{ height: `${count * HEIGHT}px` }}>
        {rows}
      </div>
    </div>
  );
}
