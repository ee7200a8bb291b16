import { FitAddon } from '@xterm/addon-fit';
import { Terminal as Xterm } from '@xterm/xterm';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Stream } from '../../api/live.ts';
import { call, pathWith } from '../../api/requests.ts';
import { engine } from '../../store/engine.ts';

const SHELL = 'command -v bash >/dev/null 2>&1 && exec bash || exec sh';

const THEMES = {
  light: { background: '#ffffff', foreground: '#1b1f24', cursor: '#1b1f24', selectionBackground: '#b6d7ff' },
  dark: { background: '#0d1117', foreground: '#e6edf3', cursor: '#e6edf3', selectionBackground: '#264f78' },
};

/** The theme of the page as it is now. */
function theme(): typeof THEMES.light {
  const chosen = document.documentElement.dataset['theme'];
  const dark = chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  return dark ? THEMES.dark : THEMES.light;
}

/**
 * Opens the terminal in the page. It makes style elements, which the page's policy refuses as it refuses those of anybody: what
 * it writes into them goes into style sheets of the document instead.
 */
function openWithin(terminal: Xterm, box: HTMLElement): void {
  const create = document.createElement;
  document.createElement = (name: string, options?: ElementCreationOptions): HTMLElement => {
    if (name !== 'style') return create.call(document, name, options);
    const sheet = new CSSStyleSheet();
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    const stand = create.call(document, 'span');
    stand.hidden = true;
    Object.defineProperty(stand, 'textContent', { set: (text: string) => void sheet.replace(text) });
    stand.remove = () => {
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
      Element.prototype.remove.call(stand);
    };
    return stand;
  };
  try {
    terminal.open(box);
  } finally {
    document.createElement = create;
  }
}

interface Session {
  stream: Stream;
  resize(): void;
}

/** Starts a program in the container, with the terminal as its own. */
async function startProgram(
  id: string,
  command: string,
  terminal: Xterm,
  ended: (why: string) => void,
): Promise<Session> {
  const Cmd = command.trim() ? ['sh', '-c', `exec ${command}`] : ['sh', '-c', SHELL];
  const { rows, cols } = terminal;
  const { Id } = await call<'ContainerExec'>('POST', `/containers/${id}/exec` as '/containers/{id}/exec', {
    body: {
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Tty: true,
      Cmd,
      Env: ['TERM=xterm-256color'],
      ConsoleSize: [rows, cols],
    },
  });
  const stream = engine.live.open(
    {
      method: 'POST',
      path: `/exec/${Id}/start`,
      body: { Detach: false, Tty: true, ConsoleSize: [rows, cols] },
      upgrade: true,
    },
    {
      data: (bytes) => new Promise((resolve) => terminal.write(bytes, resolve)),
      end: (error) => {
        if (error) return ended(error.message);
        call<'ExecInspect'>('GET', `/exec/${Id}/json` as '/exec/{id}/json').then(
          ({ ExitCode }) => ended(`The program ended with ${ExitCode}.`),
          () => ended('The program ended.'),
        );
      },
    },
  );
  return {
    stream,
    resize: () => void resizeTo(`/exec/${Id}/resize`, terminal),
  };
}

/** Joins the container's own first process, which is to have a terminal. */
function attach(id: string, terminal: Xterm, ended: (why: string) => void): Session {
  const query = { stream: true, stdin: true, stdout: true, stderr: true };
  const stream = engine.live.open(
    { method: 'POST', path: pathWith(`/containers/${id}/attach`, query), upgrade: true },
    {
      data: (bytes) => new Promise((resolve) => terminal.write(bytes, resolve)),
      end: (error) => ended(error?.message ?? 'The container ended.'),
    },
  );
  const resize = (): void => void resizeTo(`/containers/${id}/resize`, terminal);
  resize();
  return { stream, resize };
}

const resizeTo = (path: string, { rows, cols }: Xterm): Promise<unknown> =>
  call<'ExecResize'>('POST', pathWith(path, { h: rows, w: cols }) as '/exec/{id}/resize').catch(
    () => undefined,
  );

/** A terminal in a running container: a shell, another program, or the container's own process. */
export function Terminal({ id, own }: { id: string; own: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  const [command, setCommand] = useState('');
  const [count, setCount] = useState(0);
  const [attached, setAttached] = useState(false);
  const [ended, setEnded] = useState('');
  useEffect(() => {
    setEnded('');
    const terminal = new Xterm({
      fontFamily: 'ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace',
      fontSize: 13,
      screenReaderMode: true,
      // Links are what programs write: they lead nowhere from here.
      linkHandler: { activate: () => undefined },
      theme: theme(),
      scrollback: 5000,
    });
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    openWithin(terminal, box.current!);
    fit.fit();
    // Tab belongs to the program; Ctrl-Shift-Tab leaves the terminal, as WCAG asks for a way out.
    terminal.attachCustomKeyEventHandler((event) => !(event.key === 'Tab' && event.ctrlKey));
    let session: Session | undefined;
    let gone = false;
    const stopped = (why: string): void => {
      if (!gone) setEnded(why);
    };
    const starting = attached
      ? Promise.resolve(attach(id, terminal, stopped))
      : startProgram(id, command, terminal, stopped);
    starting.then(
      (started) => {
        session = started;
        if (gone) started.stream.close();
        else terminal.focus();
      },
      (error: Error) => stopped(error.message),
    );
    const encoder = new TextEncoder();
    terminal.onData((text) => session?.stream.write(encoder.encode(text)));
    terminal.onBinary((text) => session?.stream.write(Uint8Array.from(text, (char) => char.charCodeAt(0))));
    terminal.onResize(() => session?.resize());
    const sight = new ResizeObserver(() => fit.fit());
    sight.observe(box.current!);
    const themed = (): void => {
      terminal.options.theme = theme();
    };
    addEventListener('themechange', themed);
    return () => {
      gone = true;
      sight.disconnect();
      removeEventListener('themechange', themed);
      session?.stream.close();
      terminal.dispose();
    };
  }, [id, count, attached]);
  return (
    <section aria-label="Terminal">
      <form
        class="bar"
        onSubmit={(event) => {
          event.preventDefault();
          setAttached(false);
          setCount(count + 1);
        }}
      >
        <label class="find">
          <span class="unseen">Program</span>
          <input
            type="text"
            placeholder="Program; a shell, if nothing is named"
            value={command}
            onInput={({ currentTarget }) => setCommand(currentTarget.value)}
          />
        </label>
        <button type="submit">{ended ? 'Start' : 'Start anew'}</button>
        {own && (
          <button type="button" aria-pressed={attached} onClick={() => setAttached(!attached)}>
            The container's own
          </button>
        )}
        <span class="count" role="status">
          {ended || 'Ctrl-Shift-Tab leaves the terminal.'}
        </span>
      </form>
      <div ref={box} class="terminal" />
    </section>
  );
}
