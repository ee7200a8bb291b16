import type { Leaf } from '../cli/nodes.ts';

/** A command: its line of help, its module, which is loaded when it is called, and its other names. */
export const leaf = (about: string, load: Leaf['load'], also?: string[]): Leaf => ({
  about,
  load,
  ...(also ? { also } : {}),
});

// Commands with two places in the tree: `berth run` is `berth container run`.
export const attach = leaf(
  'Attach your terminal to a running container',
  () => import('../commands/container/attach.ts'),
);
export const build = leaf('Build an image from a Dockerfile', () => import('../commands/image/build.ts'));
export const commit = leaf(
  "Create an image from a container's changes",
  () => import('../commands/container/commit.ts'),
);
export const cp = leaf(
  'Copy files between a container and this machine',
  () => import('../commands/container/cp.ts'),
);
export const create = leaf('Create a container', () => import('../commands/container/create.ts'));
export const diff = leaf(
  "List what changed in a container's filesystem",
  () => import('../commands/container/diff.ts'),
);
export const events = leaf(
  'Show what happens in the daemon, as it happens',
  () => import('../commands/system/events.ts'),
);
export const exec = leaf(
  'Run a command in a running container',
  () => import('../commands/container/exec.ts'),
);
export const exportLeaf = leaf(
  "Write a container's filesystem as a tar archive",
  () => import('../commands/container/export.ts'),
);
export const history = leaf('Show how an image came about', () => import('../commands/image/history.ts'));
export const importLeaf = leaf(
  'Make an image from a tar archive of a filesystem',
  () => import('../commands/image/import.ts'),
);
export const info = leaf(
  'Show information about the daemon and its machine',
  () => import('../commands/system/info.ts'),
);
export const kill = leaf(
  'Send a signal to running containers, SIGKILL by default',
  () => import('../commands/container/kill.ts'),
);
export const load = leaf(
  'Load images from a tar archive or standard input',
  () => import('../commands/image/load.ts'),
);
export const logs = leaf('Show the output of a container', () => import('../commands/container/logs.ts'));
export const pause = leaf(
  'Freeze all processes of containers',
  () => import('../commands/container/pause.ts'),
);
export const port = leaf(
  'Show where the ports of a container are published',
  () => import('../commands/container/port.ts'),
);
export const pull = leaf('Download an image from a registry', () => import('../commands/image/pull.ts'));
export const push = leaf('Upload an image to a registry', () => import('../commands/image/push.ts'));
export const rename = leaf('Rename a container', () => import('../commands/container/rename.ts'));
export const restart = leaf('Restart containers', () => import('../commands/container/restart.ts'));
export const run = leaf(
  'Create a container from an image and run it',
  () => import('../commands/container/run.ts'),
);
export const save = leaf('Write images to a tar archive', () => import('../commands/image/save.ts'));
export const start = leaf('Start stopped containers', () => import('../commands/container/start.ts'));
export const stats = leaf(
  'Show the resource usage of containers, live',
  () => import('../commands/container/stats.ts'),
);
export const stop = leaf('Stop running containers', () => import('../commands/container/stop.ts'));
export const tag = leaf('Give an image one more name', () => import('../commands/image/tag.ts'));
export const top = leaf('Show the processes of a container', () => import('../commands/container/top.ts'));
export const unpause = leaf('Let frozen containers go on', () => import('../commands/container/unpause.ts'));
export const update = leaf(
  'Change the limits of containers',
  () => import('../commands/container/update.ts'),
);
export const wait = leaf(
  'Wait until containers stop and print their exit codes',
  () => import('../commands/container/wait.ts'),
);
export const ps = leaf('List containers', () => import('../commands/container/ps.ts'), ['list', 'ps']);
export const rm = leaf('Remove containers', () => import('../commands/container/rm.ts'), ['remove']);
export const images = leaf('List images', () => import('../commands/image/images.ts'), ['list']);
export const rmi = leaf('Remove images', () => import('../commands/image/rmi.ts'), ['remove']);
export const builderPrune = leaf(
  'Remove the build cache',
  () => import('../commands/image/builder-prune.ts'),
);
