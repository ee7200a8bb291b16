import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/* Requests of one connection are served one by one, as by Go's server: one packet may hold thousands of them, which Node hands
   over in one turn of the event loop. */

type Route = (request: IncomingMessage, response: ServerResponse) => void;

/** Requests of one connection that may wait. No client sends more before it has read an answer. */
const WAITING_MAX = 256;

const line = Symbol('berth.turns');
/** The requests that wait for the one that is being served; undefined where there is none. */
type Lined = Socket & { [line]?: Array<() => void> | undefined };

/** Has each request wait for the answers to those before it on its connection. */
export function oneByOne(route: Route): Route {
  return (request, response) => inTurn(request.socket, response, () => route(request, response));
}

/** Calls `serve` once all requests before on the connection are answered; it answers by the response. */
export function inTurn(socket: Lined, response: ServerResponse, serve: () => void): void {
  const begin = () => {
    response.once('close', () => next(socket));
    serve();
  };
  const waiting = socket[line];
  if (waiting === undefined) {
    socket[line] = [];
    begin();
  } else if (waiting.length < WAITING_MAX) waiting.push(begin);
  else socket.destroy();
}

function next(socket: Lined): void {
  const begin = socket[line]?.shift();
  if (begin === undefined) socket[line] = undefined;
  // Others have their turn between two of them.
  else setImmediate(() => socket.destroyed || begin());
}
