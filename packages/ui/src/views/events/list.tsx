import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { nextFrame } from '../../api/live.ts';
import { engine } from '../../store/engine.ts';
import { eventFits, type ShownEvent } from '../../store/events.ts';
import { Check } from '../../widgets/check.tsx';
import { Find } from '../../widgets/find.tsx';
import { LineView } from '../../widgets/lines.tsx';

/** Follows the engine's events: the last ones, drawn again once in a frame however many come. */
function useEvents(): readonly ShownEvent[] {
  const { events } = engine;
  const [all, setAll] = useState(events.all);
  const waiting = useRef(false);
  useEffect(() => {
    engine.askEarlier();
    setAll(events.all);
    return events.changed.follow(() => {
      if (waiting.current) return;
      waiting.current = true;
      void nextFrame().then(() => {
        waiting.current = false;
        setAll(events.all);
      });
    });
  }, []);
  return all;
}

/** The engine's events, as they happen. */
export function Events() {
  const all = useEvents();
  const [type, setType] = useState('');
  const [text, setText] = useState('');
  /** The text that is shown while nothing is followed; undefined: what is there. */
  const [held, setHeld] = useState<readonly ShownEvent[] | undefined>(undefined);
  const from = held ?? all;
  const words = useMemo(() => text.toLowerCase().split(/\s+/).filter(Boolean), [text]);
  const shown = from.filter((event) => eventFits(event, type, words));
  const types = [...new Set(from.map((event) => event.type))].sort();
  const last = from.at(-1)?.key ?? -1;
  const newer = held ? all.filter(({ key }) => key > last).length : 0;
  const lines = {
    first: 0,
    end: shown.length,
    length: shown.length,
    at: (number: number) => {
      const event = shown[number];
      return event && { time: event.time, text: `${event.type}  ${event.text}`, error: false };
    },
  };
  return (
    <section class="logs" aria-label="Events">
      <div class="bar">
        <h1>Events</h1>
        <Find label="Find events" placeholder="Words; -word leaves out" value={text} onValue={setText} />
        <label>
          Of{' '}
          <select value={type} onChange={({ currentTarget }) => setType(currentTarget.value)}>
            <option value="">all types</option>
            {types.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <Check checked={!held} onChecked={(checked) => setHeld(checked ? undefined : all)}>
          Follow
        </Check>
        <span class="count" role="status">
          {shown.length} of {from.length}
          {held ? `, paused: ${newer} newer` : ''}
        </span>
      </div>
      <LineView
        lines={lines}
        shown={undefined}
        mark={words.length === 1 && !words[0]!.startsWith('-') ? words[0]! : ''}
        current={undefined}
        times
        follow={!held}
        onFollow={(follow) => setHeld(follow ? undefined : (held ?? all))}
      />
    </section>
  );
}
