import { type FromPage, PROTOCOL, type ToPage } from '@berth/client/ui/protocol.ts';
import { sessionKey } from '../base/key.ts';
import { EngineError, messageIn } from './requests.ts';

/** Receives what a stream of the engine brings. */
export interface Listener {
  /**
   * Bytes came. Whoever returns a promise has read them when it settles: no more than a window of them comes before
   * that.
   */
  data?(chunk: Uint8Array): void | Promise<void>;
  /** The engine answered well, and bytes of this type follow. */
  begin?(type: string): void;
  /** It ended; with an error when it was refused or broke. */
  end?(error?: EngineError): void;
}

export interface StreamRequest {
  method: 'GET' | 'POST';
  /** With its query. */
  path: string;
  body?: unknown;
  upgrade?: boolean;
}

/** A stream that is open. */
export interface Stream {
  write(bytes: Uint8Array): void;
  close(): void;
}

/** Characters of a refusal that are kept, to be read as JSON. */
const LONGEST_REFUSAL = 1_000_000;

interface Opened {
  listener: Listener;
  status: number;
  refused: string;
}

/** The one WebSocket to `berth ui`, on which all streams of the engine come. It is opened again when it broke. */
export class Live {
  private socket: WebSocket | undefined;
  private readonly waiting: Array<string | Uint8Array> = [];
  private readonly streams = new Map<number, Opened>();
  private next = 1;

  /** Opens a stream. */
  open(request: StreamRequest, listener: Listener): Stream {
    const id = this.next++;
    this.streams.set(id, { listener, status: 0, refused: '' });
    this.send(JSON.stringify({ open: id, ...request } satisfies FromPage));
    return {
      write: (bytes) => {
        if (!this.streams.has(id)) return;
        const frame = new Uint8Array(4 + bytes.length);
        new DataView(frame.buffer).setUint32(0, id);
        frame.set(bytes, 4);
        this.send(frame);
      },
      close: () => {
        if (this.streams.delete(id)) this.send(JSON.stringify({ close: id } satisfies FromPage));
      },
    };
  }

  private send(frame: string | Uint8Array): void {
    const socket = this.connected();
    if (socket.readyState === WebSocket.OPEN) socket.send(frame as Uint8Array<ArrayBuffer>);
    else this.waiting.push(frame);
  }

  private connected(): WebSocket {
    if (this.socket) return this.socket;
    const socket = new WebSocket(`ws://${location.host}/live`, [PROTOCOL, sessionKey()]);
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    socket.onopen = () => {
      for (const frame of this.waiting.splice(0)) socket.send(frame as Uint8Array<ArrayBuffer>);
    };
    socket.onmessage = ({ data }) => {
      if (typeof data === 'string') this.told(JSON.parse(data) as ToPage);
      else this.came(new Uint8Array(data as ArrayBuffer));
    };
    socket.onclose = () => {
      if (this.socket !== socket) return;
      this.socket = undefined;
      this.waiting.length = 0;
      const broken = [...this.streams.values()];
      this.streams.clear();
      for (const { listener } of broken)
        listener.end?.(new EngineError(0, 'the connection to `berth ui` broke'));
    };
    return socket;
  }

  private told(message: ToPage): void {
    const id = 'head' in message ? message.head : message.end;
    const stream = this.streams.get(id);
    if (!stream) return;
    if ('head' in message) {
      stream.status = message.status;
      if (message.status < 400) stream.listener.begin?.(message.type);
      return;
    }
    this.streams.delete(id);
    if (stream.status >= 400)
      stream.listener.end?.(new EngineError(stream.status, messageIn(stream.refused)));
    else stream.listener.end?.(message.error === undefined ? undefined : new EngineError(0, message.error));
  }

  private came(frame: Uint8Array): void {
    const id = new DataView(frame.buffer).getUint32(0);
    const stream = this.streams.get(id);
    if (!stream) return;
    const bytes = frame.subarray(4);
    const read = (): void => this.send(JSON.stringify({ read: id, bytes: bytes.length } satisfies FromPage));
    if (stream.status >= 400) {
      if (stream.refused.length < LONGEST_REFUSAL) stream.refused += new TextDecoder().decode(bytes);
      read();
      return;
    }
    const reading = stream.listener.data?.(bytes);
    if (reading) void reading.then(read);
    else read();
  }
}

/** The next time that the page is drawn; soon, for a page that is not seen. */
export const nextFrame = (): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, 100);
    requestAnimationFrame(() => {
      clearTimeout(timer);
      resolve();
    });
  });

/** Characters of one value; an engine that sends a longer one sends none. */
const LONGEST = 32_000_000;

/** Cuts bytes into lines of JSON and hands each value on; a line that is none is passed over. */
export function jsonLines(take: (value: unknown) => void): (chunk: Uint8Array) => void {
  const decoder = new TextDecoder();
  let parts: string[] = [];
  let size = 0;
  const line = (text: string): void => {
    if (!text.trim()) return;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return;
    }
    // Whoever takes values looks into them.
    if (typeof value === 'object' && value !== null) take(value);
  };
  return (chunk) => {
    const [first = '', ...lines] = decoder.decode(chunk, { stream: true }).split('\n');
    if (size + first.length <= LONGEST) parts.push(first);
    size += first.length;
    if (lines.length === 0) return;
    line(size <= LONGEST ? parts.join('') : '');
    const rest = lines.pop()!;
    for (const text of lines) line(text);
    parts = [rest];
    size = rest.length;
  };
}
