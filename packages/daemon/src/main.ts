import { VERSION } from './base/version.ts';
import { parseCommandLine, UsageError, usage } from './config/index.ts';

const args = process.argv.slice(2);
try {
  const { action, settings, configFile } = parseCommandLine(args);
  if (action === 'help') process.stdout.write(usage());
  else if (action === 'version') process.stdout.write(`Berth version ${VERSION}, build 0\n`);
  else if (action === 'validate') process.stderr.write('configuration OK\n');
  else await (await import('./daemon.ts')).runDaemon(settings, args, configFile);
} catch (error) {
  const { message } = error as Error;
  process.stderr.write(
    error instanceof UsageError
      ? `${message}\nSee 'berthd --help'.\n`
      : `failed to start daemon: ${message}\n`,
  );
  process.exit(1);
}
