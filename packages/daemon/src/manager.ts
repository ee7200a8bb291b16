/** Messages to the service manager (systemd); none are sent where none started the daemon. */
export interface Manager {
  /** The daemon answers from now on. */
  ready(status: string): void;
  /** A signal has ended it; connections are being closed. */
  stopping(): void;
}

const NOBODY: Manager = { ready: () => undefined, stopping: () => undefined };

/**
 * The service manager that started this process by sd_notify(3)'s protocol, and its watchdog: while the event loop turns,
 * it hears of that three times in the time it waits. The variables are taken out of the environment, so that no program
 * the daemon starts speaks for it.
 */
export async function openManager(): Promise<Manager> {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: usec, WATCHDOG_PID: watched } = process.env;
  const passed = Number(process.env['LISTEN_PID']) === process.pid ? Number(process.env['LISTEN_FDS']) : 0;
  if (passed > 0) {
    const { closeOnExec } = await import('@berth/native/service.ts');
    closeOnExec(Array.from({ length: passed }, (_, index) => 3 + index));
  }
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete process.env[name];
  if (!socket) return NOBODY;
  const { notifyManager } = await import('@berth/native/service.ts');
  const milliseconds = Number(usec ?? 0) / 1000;
  const own = watched === undefined || Number(watched) === process.pid;
  return {
    ready(status) {
      notifyManager(socket, `READY=1\nSTATUS=${status}\n`);
      if (own && milliseconds > 0) setInterval(notifyManager, milliseconds / 3, socket, 'WATCHDOG=1').unref();
    },
    stopping: () => void notifyManager(socket, 'STOPPING=1\nSTATUS=Containers go on\n'),
  };
}
