import { clipped, visible } from '../base/text.ts';
import { useValue } from '../base/use-value.ts';
import { Value } from '../base/value.ts';

interface Notice {
  key: number;
  text: string;
  wrong: boolean;
}

const notices = new Value<readonly Notice[]>([]);
let count = 0;

const forget = (key: number): void => notices.set(notices.get().filter((one) => one.key !== key));

/** Tells the user that something was done, for some seconds. */
export function done(text: string): void {
  const key = count++;
  notices.set([...notices.get().slice(-3), { key, text, wrong: false }]);
  setTimeout(() => forget(key), 6000);
}

/** Tells the user what went wrong; it stays until it is closed. */
export function wrong(error: unknown): void {
  const text = error instanceof Error ? error.message : String(error);
  notices.set([...notices.get().slice(-3), { key: count++, text, wrong: true }]);
}

/** Does something that may fail, and says so. True: it went well. */
export async function attempt(work: () => Promise<unknown>, said?: string): Promise<boolean> {
  try {
    await work();
    if (said) done(said);
    return true;
  } catch (error) {
    wrong(error);
    return false;
  }
}

/** The notices, read out as they come. */
export function Notices() {
  const shown = useValue(notices);
  return (
    <div class="notices" role="log" aria-live="polite" aria-label="Notices">
      {shown.map(({ key, text, wrong: bad }) => (
        <div key={key} class={bad ? 'notice wrong' : 'notice'} role={bad ? 'alert' : undefined}>
          <span>{visible(clipped(text, 2000))}</span>
          <button type="button" class="quiet" aria-label="Close notice" onClick={() => forget(key)}>
            ×
          </button>
        </div>
      ))}
    </div>
  );
}
