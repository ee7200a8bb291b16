import { mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { exitNow } from '@berth/native/ffi.ts';
import { collectWhenQuiet } from './base/buffers.ts';
import { configureLog, log } from './base/log.ts';
import { VERSION } from './base/version.ts';
import { reload, type Settings } from './config/index.ts';
import type { Cri } from './cri/api.ts';
import { type Manager, openManager } from './manager.ts';
import { writePidfile } from './pidfile.ts';
import { openRooms } from './rooms.ts';
import { createApp, type Listening, listen } from './server/index.ts';
import { allRoutes } from './server/routes/index.ts';
import type { Services } from './services.ts';
import { daemonId } from './system/index.ts';

/** Runs the daemon until a signal ends it. Resolves once it answers. */
export async function runDaemon(settings: Settings, args: string[], configFile: string): Promise<void> {
  process.umask(0o077);
  configureLog(settings.logLevel, settings.logFormat);
  const pidfile = settings.pidfile === '' ? { remove: () => undefined } : writePidfile(settings.pidfile);
  let rooms: Services | undefined;
  let listening: Listening | undefined;
  let cri: Cri | undefined;
  let manager: Manager;
  try {
    manager = await openManager();
    mkdirSync(settings.dataRoot, { recursive: true, mode: 0o700 });
    mkdirSync(settings.execRoot, { recursive: true, mode: 0o711 });
    rooms = await openRooms(settings);
    const app = createApp(`Berth/${VERSION} (linux)`, settings.experimental);
    allRoutes(app, rooms);
    listening = await listen(settings, await app.ready());
    if (settings.metricsAddr !== '')
      await (await import('./metrics/serve.ts')).serveMetrics(settings.metricsAddr, rooms.metrics);
    if (settings.otlpEndpoint !== '')
      (await import('./metrics/otlp.ts')).exportSpans(settings.otlpEndpoint, daemonId(rooms.store));
    if (settings.cri) cri = await (await import('./cri/index.ts')).openCri(rooms);
  } catch (error) {
    await listening?.close();
    rooms?.close();
    pidfile.remove();
    throw error;
  }
  handleSignals(settings, rooms, listening, cri, manager, pidfile, args, configFile);
  manager.ready(`Answers at ${listening.addresses.join(' ')}`);
  const addresses = [...listening.addresses, ...(cri ? [cri.address] : [])];
  log.info({ hosts: addresses.join(' '), version: VERSION, pid: process.pid }, 'Berth answers');
  // When whoever has waited for the daemon has been served.
  collectWhenQuiet(1000);
}

function handleSignals(
  settings: Settings,
  rooms: Services,
  listening: Listening,
  cri: Cri | undefined,
  manager: Manager,
  pidfile: { remove(): void },
  args: string[],
  configFile: string,
): void {
  let stopping = false;
  const stop = async (signal: string) => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping; containers go on');
    manager.stopping();
    rooms.events.emit('daemon', 'shutdown', daemonId(rooms.store), { name: hostname() });
    const late = setTimeout(() => finish(1), settings.shutdownTimeout * 1000);
    late.unref();
    cri?.close();
    await listening.close();
    finish(0);
  };
  const finish = (status: number) => {
    try {
      rooms.close();
    } catch (error) {
      log.error({ err: error }, 'closing failed');
    }
    pidfile.remove();
    exitNow(status);
  };
  process.on('SIGTERM', () => void stop('SIGTERM'));
  process.on('SIGINT', () => void stop('SIGINT'));
  process.on('SIGHUP', () => {
    try {
      const taken = reload(settings, args);
      configureLog(settings.logLevel, settings.logFormat);
      log.info({ file: configFile, changed: Object.keys(taken).join(' ') }, 'configuration read again');
      rooms.events.emit('daemon', 'reload', daemonId(rooms.store), reloadAttributes(settings));
    } catch (error) {
      log.error({ err: error }, 'the configuration was not read again');
    }
  });
  // It also keeps Node from opening its debugger at that signal.
  process.on('SIGUSR1', () => {
    import('./metrics/report.ts').then(
      ({ writeReport }) => writeReport(rooms),
      (error) => log.error({ err: error }, 'the report could not be written'),
    );
  });
  // A dying client must not end the daemon; whatever else gets here is a mistake worth a line.
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'an unhandled rejection'));
  process.on('uncaughtException', (error) => log.error({ err: error }, 'an uncaught exception'));
}

function reloadAttributes(settings: Settings): Record<string, string> {
  return {
    name: hostname(),
    debug: String(settings.debug),
    'insecure-registries': JSON.stringify(settings.insecureRegistries),
    labels: JSON.stringify(settings.labels),
    'live-restore': String(settings.liveRestore),
    'max-concurrent-downloads': String(settings.maxConcurrentDownloads),
    'max-concurrent-uploads': String(settings.maxConcurrentUploads),
    'max-download-attempts': String(settings.maxDownloadAttempts),
    'registry-mirrors': JSON.stringify(settings.registryMirrors),
    'shutdown-timeout': String(settings.shutdownTimeout),
  };
}
