import { sleep } from '../support/daemon.ts';
import { type Follower, follow, type Reply } from './connection.ts';

/* Events: each acknowledged change has its own, in the order of the answers, and those of a container tell a life. */

interface EngineEvent {
  Type: string;
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> };
  timeNano: number;
}

/** The events of one connection, from its head on; `to` is when it broke off. */
interface Stretch {
  from: number;
  to: number;
  follower: Follower;
}

/** An event that an answer promises. */
interface Promised {
  type: string;
  action: string;
  /** The id, name or full name of the event's actor. */
  of: string;
}

/** So long, in milliseconds, an event may be on its way after the answer. */
const LATE = 1500;

const CONTAINER: Record<string, [status: number, action: string]> = {
  start: [204, 'start'],
  stop: [204, 'stop'],
  kill: [204, 'kill'],
  restart: [204, 'restart'],
  pause: [204, 'pause'],
  unpause: [204, 'unpause'],
  rename: [204, 'rename'],
  update: [200, 'update'],
  exec: [201, 'exec_create'],
};

/** The event that this answer promises, if it does. */
function promisedBy(method: string, path: string, { status, json }: Reply): Promised | undefined {
  const [route = '', query = ''] = path.split('?');
  const [, noun = '', name = '', verb = ''] = route.split('/');
  const promised = (type: string, action: string, of: string) => ({ type, action, of });
  if (method === 'POST' && name === 'create' && status === 201) {
    if (noun === 'containers') return promised('container', 'create', json.Id);
    if (noun === 'networks') return promised('network', 'create', json.Id);
    if (noun === 'volumes') return promised('volume', 'create', json.Name);
  }
  if (method === 'DELETE' && status === 204 && verb === '') {
    if (noun === 'containers') return promised('container', 'destroy', name);
    if (noun === 'networks') return promised('network', 'destroy', name);
    if (noun === 'volumes') return promised('volume', 'destroy', name);
  }
  if (method === 'POST' && noun === 'containers') {
    const [wanted, action = ''] = CONTAINER[verb] ?? [];
    if (status === wanted) return promised('container', action, name);
  }
  if (method === 'PUT' && noun === 'containers' && verb === 'archive' && status === 200)
    return promised('container', 'extract-to-dir', name);
  if (method === 'POST' && noun === 'images' && route.endsWith('/tag') && status === 201) {
    const given = new URLSearchParams(query);
    return promised('image', 'tag', `${given.get('repo')}:${given.get('tag')}`);
  }
  return undefined;
}

/** Follows the events of a daemon through a round, over its ends and starts. */
export class EventWatch {
  readonly #socket: string;
  readonly #stretches: Stretch[] = [];
  readonly #promised: (Promised & { user: string; from: number; to: number })[] = [];
  #stopped = false;

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** Resolves when events are followed; it goes on until `check`. */
  async open(): Promise<void> {
    const follower = await follow(this.#socket, { method: 'GET', path: '/events' }, { framed: false });
    const stretch = { from: performance.now(), to: Number.POSITIVE_INFINITY, follower };
    this.#stretches.push(stretch);
    void follower.over.then(() => {
      stretch.to = performance.now();
      void this.#again();
    });
  }

  async #again(): Promise<void> {
    while (!this.#stopped) {
      try {
        return await this.open();
      } catch {
        await sleep(20);
      }
    }
  }

  /** Whether the daemon was there all the time since then. */
  unbroken(since: number): boolean {
    const { from, to } = this.#stretches.at(-1)!;
    return from <= since && to === Number.POSITIVE_INFINITY;
  }

  answered(user: string, method: string, path: string, reply: Reply, from: number): void {
    const promised = promisedBy(method, path, reply);
    if (promised) this.#promised.push({ ...promised, user, from, to: performance.now() });
  }

  /** Ends it. @returns what was not as it should be */
  async check(): Promise<string[]> {
    this.#stopped = true;
    let broken: string[] = [];
    for (const deadline = performance.now() + LATE; ; await sleep(50)) {
      broken = this.#stretches.flatMap((stretch) => this.#missing(stretch));
      if (broken.length === 0 || performance.now() > deadline) break;
    }
    for (const { follower } of this.#stretches) {
      broken.push(...disordered(eventsOf(follower)));
      follower.close();
    }
    return broken;
  }

  /** The events that were promised while this connection was there, and did not come by it in the order of the answers. */
  #missing({ from, to, follower }: Stretch): string[] {
    const events = eventsOf(follower);
    const broken: string[] = [];
    const at = new Map<string, number>();
    for (const promised of this.#promised) {
      // Events that were on their way when the connection broke off are not promised.
      if (promised.from < from || promised.to + LATE > to) continue;
      const { user, type, action, of } = promised;
      const index = events.findIndex(
        (event, place) => place >= (at.get(user) ?? 0) && event.Type === type && isOf(event, action, of),
      );
      if (index >= 0) at.set(user, index + 1);
      else broken.push(`${user} was told of a change, and no event ${type} ${action} of ${of} followed`);
    }
    return broken;
  }
}

function eventsOf({ lines }: Follower): EngineEvent[] {
  return lines.map((line) => JSON.parse(line) as EngineEvent);
}

const isOf = ({ Action, Actor }: EngineEvent, action: string, of: string) =>
  (Action === action || Action.startsWith(`${action}:`)) &&
  (Actor.ID === of || Actor.Attributes['name'] === of);

/** The states before which an event of a container may come, and the state after it. */
const LIVES: Record<string, [before: string[], after: string]> = {
  create: [['none'], 'made'],
  start: [['made'], 'running'],
  die: [['running', 'paused'], 'made'],
  pause: [['running'], 'paused'],
  unpause: [['paused'], 'running'],
  destroy: [['made'], 'gone'],
};

/** Events that do not follow one another in time, and lives that no container can have. */
function disordered(events: EngineEvent[]): string[] {
  const broken: string[] = [];
  const states = new Map<string, string>();
  let last = 0;
  for (const { Type, Action, Actor, timeNano } of events) {
    if (timeNano <= last)
      broken.push(`event ${Type} ${Action} of ${Actor.ID} is earlier than the one before it`);
    last = timeNano;
    if (Type !== 'container') continue;
    const state = Action === 'create' ? 'none' : states.get(Actor.ID);
    if (state === undefined) continue; // its begin was not seen
    const [before, after] = LIVES[Action] ?? [[state], state];
    if (!before.includes(state)) broken.push(`event ${Action} of container ${Actor.ID}, which was ${state}`);
    states.set(Actor.ID, after);
  }
  return broken;
}
