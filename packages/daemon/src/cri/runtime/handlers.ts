import type { Rooms } from '../context.ts';
import type { Message } from '../messages.ts';

/** The names that a pod's runtime may be asked for by; '' is the default. */
export function handlerNames({ runtime }: Rooms): string[] {
  return ['', ...new Set(['berth', ...runtime.handlers.names()])];
}

/** RuntimeHandler of each. What programs of others can do with mounts and users is not known of them. */
export function handlers(rooms: Rooms): Message[] {
  return handlerNames(rooms).map((name) => {
    const own = isOwn(rooms, name);
    return { name, features: { recursive_read_only_mounts: own, user_namespaces: own } };
  });
}

/** Whether a name means Berth's own runtime; one whose program is missing is another's. */
export function isOwn({ runtime }: Rooms, name: string): boolean {
  try {
    return runtime.handlers.resolve(name).program === undefined;
  } catch {
    return false;
  }
}
