import type { Leaf, Tree } from '../cli/nodes.ts';

const leaf = (about: string, load: Leaf['load'], also?: string[]): Leaf => ({
  about,
  load,
  ...(also ? { also } : {}),
});

const attach = leaf(
  'Attach your terminal to a running container',
  () => import('../commands/container/attach.ts'),
);
const build = leaf('Build an image from a Dockerfile', () => import('../commands/image/build.ts'));
const commit = leaf(
  "Create an image from a container's changes",
  () => import('../commands/container/commit.ts'),
);
const cp = leaf(
  'Copy files between a container and this machine',
  () => import('../commands/container/cp.ts'),
);
const create = leaf('Create a container', () => import('../commands/container/create.ts'));
const diff = leaf(
  "List what changed in a container's filesystem",
  () => import('../commands/container/diff.ts'),
);
const events = leaf(
  'Show what happens in the daemon, as it happens',
  () => import('../commands/system/events.ts'),
);
const exec = leaf('Run a command in a running container', () => import('../commands/container/exec.ts'));
const exportLeaf = leaf(
  "Write a container's filesystem as a tar archive",
  () => import('../commands/container/export.ts'),
);
const history = leaf('Show how an image came about', () => import('../commands/image/history.ts'));
const importLeaf = leaf(
  'Make an image from a tar archive of a filesystem',
  () => import('../commands/image/import.ts'),
);
const info = leaf(
  'Show information about the daemon and its machine',
  () => import('../commands/system/info.ts'),
);
const kill = leaf(
  'Send a signal to running containers, SIGKILL by default',
  () => import('../commands/container/kill.ts'),
);
const load = leaf(
  'Load images from a tar archive or standard input',
  () => import('../commands/image/load.ts'),
);
const logs = leaf('Show the output of a container', () => import('../commands/container/logs.ts'));
const pause = leaf('Freeze all processes of containers', () => import('../commands/container/pause.ts'));
const port = leaf(
  'Show where the ports of a container are published',
  () => import('../commands/container/port.ts'),
);
const pull = leaf('Download an image from a registry', () => import('../commands/image/pull.ts'));
const push = leaf('Upload an image to a registry', () => import('../commands/image/push.ts'));
const rename = leaf('Rename a container', () => import('../commands/container/rename.ts'));
const restart = leaf('Restart containers', () => import('../commands/container/restart.ts'));
const run = leaf('Create a container from an image and run it', () => import('../commands/container/run.ts'));
const save = leaf('Write images to a tar archive', () => import('../commands/image/save.ts'));
const start = leaf('Start stopped containers', () => import('../commands/container/start.ts'));
const stats = leaf(
  'Show the resource usage of containers, live',
  () => import('../commands/container/stats.ts'),
);
const stop = leaf('Stop running containers', () => import('../commands/container/stop.ts'));
const tag = leaf('Give an image one more name', () => import('../commands/image/tag.ts'));
const top = leaf('Show the processes of a container', () => import('../commands/container/top.ts'));
const unpause = leaf('Let frozen containers go on', () => import('../commands/container/unpause.ts'));
const update = leaf('Change the limits of containers', () => import('../commands/container/update.ts'));
const wait = leaf(
  'Wait until containers stop and print their exit codes',
  () => import('../commands/container/wait.ts'),
);
const ps = leaf('List containers', () => import('../commands/container/ps.ts'), ['list', 'ps']);
const rm = leaf('Remove containers', () => import('../commands/container/rm.ts'), ['remove']);
const images = leaf('List images', () => import('../commands/image/images.ts'), ['list']);
const rmi = leaf('Remove images', () => import('../commands/image/rmi.ts'), ['remove']);
const builderPrune = leaf('Remove the build cache', () => import('../commands/image/builder-prune.ts'));

/** Top-level commands that most people need, in the order of the help. */
export const commonCommands = [
  'run',
  'exec',
  'ps',
  'build',
  'pull',
  'push',
  'images',
  'login',
  'logout',
  'search',
  'version',
  'info',
  'doctor',
  'explain',
  'audit',
  'ui',
];

/** Every command by its name. */
export const tree: Tree = {
  run,
  exec,
  ps,
  build,
  pull,
  push,
  images,
  login: leaf('Log in to a registry', () => import('../commands/system/login.ts')),
  logout: leaf('Log out of a registry', () => import('../commands/system/logout.ts')),
  search: leaf('Search for images in a registry', () => import('../commands/image/search.ts')),
  version: leaf('Show the versions of client and daemon', () => import('../commands/system/version.ts')),
  info,
  audit: leaf(
    'Show what isolates containers, images and the host, and what does not',
    () => import('../commands/system/audit.ts'),
  ),
  explain: leaf(
    'Show what is true of a container, an image or a network, and why it does not work',
    () => import('../commands/system/explain.ts'),
  ),
  doctor: leaf(
    'Check this machine and explain what is missing',
    () => import('../commands/system/doctor.ts'),
  ),
  ui: leaf('Show the engine as a page in the browser', () => import('../commands/system/ui.ts')),
  builder: { about: 'Manage builds', commands: { build, prune: builderPrune } },
  checkpoint: {
    about: 'Manage checkpoints of containers',
    commands: {
      create: leaf(
        'Write the processes of a running container to files',
        () => import('../commands/checkpoint/create.ts'),
      ),
      ls: leaf('List the checkpoints of a container', () => import('../commands/checkpoint/ls.ts'), ['list']),
      rm: leaf('Remove a checkpoint', () => import('../commands/checkpoint/rm.ts'), ['remove']),
    },
  },
  config: {
    about: 'Manage configs that containers get as files',
    commands: {
      create: leaf('Make a config of a file or standard input', () => import('../commands/config/create.ts')),
      inspect: leaf('Show all details of configs', () => import('../commands/config/inspect.ts')),
      ls: leaf('List configs', () => import('../commands/config/ls.ts'), ['list']),
      rm: leaf('Remove configs', () => import('../commands/config/rm.ts'), ['remove']),
    },
  },
  container: {
    about: 'Manage containers',
    commands: {
      attach,
      commit,
      cp,
      create,
      diff,
      exec,
      export: exportLeaf,
      inspect: leaf('Show all details of containers', () => import('../commands/container/inspect.ts')),
      kill,
      logs,
      ls: ps,
      pause,
      port,
      prune: leaf('Remove all stopped containers', () => import('../commands/container/prune.ts')),
      rename,
      restart,
      rm,
      run,
      start,
      stats,
      stop,
      top,
      unpause,
      update,
      wait,
    },
  },
  context: {
    about: 'Manage the daemons this client knows',
    commands: {
      create: leaf('Create a context', () => import('../commands/context/create.ts')),
      export: leaf(
        'Write a context to a file or to standard output',
        () => import('../commands/context/export.ts'),
      ),
      import: leaf('Read a context from a file', () => import('../commands/context/import.ts')),
      inspect: leaf('Show all details of contexts', () => import('../commands/context/inspect.ts')),
      ls: leaf('List contexts', () => import('../commands/context/ls.ts'), ['list']),
      rm: leaf('Remove contexts', () => import('../commands/context/rm.ts'), ['remove']),
      show: leaf('Print the name of the context in use', () => import('../commands/context/show.ts')),
      update: leaf('Change a context', () => import('../commands/context/update.ts')),
      use: leaf('Choose the context to use from now on', () => import('../commands/context/use.ts')),
    },
  },
  image: {
    about: 'Manage images',
    commands: {
      analyze: leaf(
        'Show what the layers of an image add, hide and waste',
        () => import('../commands/image/analyze.ts'),
      ),
      build,
      history,
      import: importLeaf,
      inspect: leaf('Show all details of images', () => import('../commands/image/inspect.ts')),
      load,
      ls: images,
      prune: leaf('Remove unused images', () => import('../commands/image/prune.ts')),
      pull,
      push,
      rm: rmi,
      save,
      tag,
      tree: leaf('List images with their platforms', () => import('../commands/image/tree.ts')),
    },
  },
  network: {
    about: 'Manage networks',
    commands: {
      connect: leaf('Connect a container to a network', () => import('../commands/network/connect.ts')),
      create: leaf('Create a network', () => import('../commands/network/create.ts')),
      disconnect: leaf(
        'Disconnect a container from a network',
        () => import('../commands/network/disconnect.ts'),
      ),
      inspect: leaf('Show all details of networks', () => import('../commands/network/inspect.ts')),
      ls: leaf('List networks', () => import('../commands/network/ls.ts'), ['list']),
      prune: leaf('Remove all unused networks', () => import('../commands/network/prune.ts')),
      rm: leaf('Remove networks', () => import('../commands/network/rm.ts'), ['remove']),
    },
  },
  pod: {
    about: 'Show pods of Kubernetes',
    commands: {
      inspect: leaf('Show all details of pods', () => import('../commands/pod/inspect.ts')),
      ls: leaf('List pods of Kubernetes', () => import('../commands/pod/ls.ts'), ['list']),
    },
  },
  secret: {
    about: 'Manage secrets that containers get as files',
    commands: {
      create: leaf('Make a secret of a file or standard input', () => import('../commands/secret/create.ts')),
      inspect: leaf('Show all details of secrets', () => import('../commands/secret/inspect.ts')),
      ls: leaf('List secrets', () => import('../commands/secret/ls.ts'), ['list']),
      rm: leaf('Remove secrets', () => import('../commands/secret/rm.ts'), ['remove']),
    },
  },
  system: {
    about: 'Manage Berth',
    commands: {
      df: leaf('Show what takes disk space', () => import('../commands/system/df.ts')),
      'dial-stdio': {
        ...leaf(
          'Connect standard input and output to the daemon',
          () => import('../commands/system/dial-stdio.ts'),
        ),
        hidden: true,
      },
      events,
      info,
      prune: leaf('Remove all that is unused', () => import('../commands/system/prune.ts')),
    },
  },
  volume: {
    about: 'Manage volumes',
    commands: {
      clone: leaf('Make a volume with the files of another', () => import('../commands/volume/clone.ts')),
      create: leaf('Create a volume', () => import('../commands/volume/create.ts')),
      export: leaf(
        'Write the files of a volume as a tar archive',
        () => import('../commands/volume/export.ts'),
      ),
      import: leaf('Make a volume of a tar archive', () => import('../commands/volume/import.ts')),
      inspect: leaf('Show all details of volumes', () => import('../commands/volume/inspect.ts')),
      ls: leaf('List volumes', () => import('../commands/volume/ls.ts'), ['list']),
      prune: leaf('Remove unused local volumes', () => import('../commands/volume/prune.ts')),
      rm: leaf('Remove volumes', () => import('../commands/volume/rm.ts'), ['remove']),
      snapshot: leaf(
        'Keep the state of a volume as another volume',
        () => import('../commands/volume/snapshot.ts'),
      ),
    },
  },
  attach,
  commit,
  __complete: {
    ...leaf('Print what may stand at the end of a command line', async () => ({
      default: (await import('../commands/system/complete.ts')).completeCommand(tree),
    })),
    hidden: true,
  },
  completion: leaf(
    'Print the completion script of a shell',
    () => import('../commands/system/completion.ts'),
  ),
  cp,
  create,
  diff,
  events,
  export: exportLeaf,
  history,
  import: importLeaf,
  inspect: leaf('Show all details of anything', () => import('../commands/system/inspect.ts')),
  kill,
  load,
  logs,
  migrate: leaf("Take over what dockerd's data has", () => import('../commands/system/migrate.ts')),
  pause,
  port,
  rename,
  restart,
  rm,
  rmi,
  save,
  start,
  stats,
  stop,
  tag,
  top,
  unpause,
  update,
  wait,
};
