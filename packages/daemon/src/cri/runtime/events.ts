import type { EngineEvent } from '../../events/api.ts';
import type { PodChange, PodRecord } from '../../pods/api.ts';
import { member, members, type Rooms } from '../context.ts';
import type { Call, Message } from '../messages.ts';
import { containerStatus, podStatus } from '../views.ts';
import { forgetSamples } from './stats.ts';

const EVENTS = { created: 0, started: 1, stopped: 2, deleted: 3 } as const;
const OF_CONTAINER: Record<string, number> = {
  create: EVENTS.created,
  start: EVENTS.started,
  die: EVENTS.stopped,
  destroy: EVENTS.deleted,
};
const OF_POD: Record<PodChange['change'], number[]> = {
  created: [EVENTS.created, EVENTS.started],
  stopped: [EVENTS.stopped],
  removed: [EVENTS.deleted],
};
/** Events that a client may be behind. */
const BEHIND_MAX = 4096;

/** Sends what happens to pods and their containers, as long as the client listens. */
export async function containerEvents(rooms: Rooms, call: Call): Promise<void> {
  const waiting: Message[] = [];
  let wake = () => {};
  let behind = false;
  const push = (message: Message) => {
    if (waiting.length >= BEHIND_MAX) behind = true;
    else waiting.push(message);
    wake();
  };
  const ends = [
    rooms.events.subscribe((event) => {
      const message = ofContainer(rooms, event);
      if (message) push(message);
    }),
    rooms.pods.watch(({ pod, change }) => {
      for (const type of OF_POD[change]) push(response(rooms, pod.id, type, pod));
    }),
  ];
  call.signal.addEventListener('abort', () => wake());
  try {
    while (!call.signal.aborted && !behind) {
      const next = waiting.shift();
      if (next) await call.send(next);
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    for (const end of ends) end();
  }
}

function ofContainer(rooms: Rooms, event: EngineEvent): Message | undefined {
  const type = event.Type === 'container' ? OF_CONTAINER[event.Action] : undefined;
  if (type === undefined) return undefined;
  const { ID: id, Attributes: labels } = event.Actor;
  if (type === EVENTS.deleted) forgetSamples(id);
  const own = member(rooms.containers.find(id))?.pod ?? labels['io.kubernetes.sandbox.id'];
  const pod = own && rooms.pods.find(own);
  return pod ? response(rooms, id, type, pod, event.timeNano) : undefined;
}

function response(rooms: Rooms, id: string, type: number, pod: PodRecord, at = Date.now() * 1e6): Message {
  return {
    container_id: id,
    container_event_type: type,
    created_at: at,
    pod_sandbox_status: podStatus(rooms.pods, pod),
    containers_statuses: members(rooms, pod.id).map((one) => containerStatus(rooms, one)),
  };
}
