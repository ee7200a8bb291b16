// Holds the API document that the daemon serves against Redocly's rules (.redocly.yaml). Runs on the pinned Node.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fail, root } from './lib.mjs';

const { status, stdout, stderr } = spawnSync(
  process.execPath,
  [
    join(root, 'packages/api-spec/node_modules/@redocly/cli/bin/cli.js'),
    'lint',
    join(root, 'packages/api-spec/generated/openapi.json'),
    '--config',
    join(root, '.redocly.yaml'),
  ],
  // It neither tells its makers about the run nor asks for a newer one.
  {
    encoding: 'utf8',
    env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' },
  },
);
if (status !== 0) fail(`the API document breaks a rule:\n${stdout}${stderr}`);
