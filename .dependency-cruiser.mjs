// The rooms of the house and which of them may know which: arrows run down only, and no file imports in a circle, types
// included. `npm test` holds every file against it, with no exception. A room's list names what it may import; whatever
// is not listed is refused, so that a new room has to be put in its place here first.
const daemon = {
  base: [],
  patterns: ['base'],
  config: ['base'],
  store: ['base'],
  events: ['base'],
  layers: ['base', 'store'],
  dockerfile: ['base', 'patterns'],
  images: ['base', 'patterns', 'config', 'store', 'events', 'layers', 'dockerfile'],
  runtime: ['base', 'config', 'layers'],
  logging: ['base', 'patterns', 'config'],
  networks: ['base', 'patterns', 'config', 'store', 'events'],
  volumes: ['base', 'patterns', 'store', 'events', 'layers'],
  secrets: ['base', 'store', 'events'],
  pods: ['base', 'config', 'store', 'runtime', 'networks'],
  containers: [
    'pods',
    'secrets',
    'base',
    'patterns',
    'config',
    'store',
    'events',
    'layers',
    'dockerfile',
    'images',
    'runtime',
    'logging',
    'networks',
    'volumes',
  ],
};
daemon.builder = [...daemon.containers, 'containers'];
daemon.explain = Object.keys(daemon).filter((room) => room !== 'builder');
daemon.audit = Object.keys(daemon).filter((room) => room !== 'builder');
daemon.metrics = Object.keys(daemon).filter((room) => !['builder', 'explain', 'audit'].includes(room));
const rooms = Object.keys(daemon);
daemon.system = [...rooms];
daemon.server = [...rooms, 'system'];
daemon.cri = [...rooms, 'system'];

const client = {
  base: [],
  transport: ['base'],
  config: ['base', 'transport'],
  format: ['base'],
  parse: ['base'],
  archive: ['base'],
  cli: ['base', 'transport', 'config'],
  terminal: ['base', 'transport', 'format', 'cli'],
  shared: ['base', 'transport', 'config', 'format', 'parse', 'cli', 'terminal'],
  migrate: ['base', 'transport', 'cli'],
  explain: ['base', 'format'],
  build: ['base', 'shared'],
  buildkit: ['base', 'transport', 'config', 'format', 'parse', 'cli', 'terminal', 'shared', 'build'],
};
// Serves the page of packages/ui.
client.ui = ['base', 'transport'];
client.commands = Object.keys(client);
client.tree = Object.keys(client);

const ui = { base: [], api: ['base'], store: ['base', 'api'], widgets: ['base'] };
ui.views = Object.keys(ui);

const source = (workspace, room) => `^packages/${workspace}/src/${room}/`;

/** Rules that keep each room of a package to those below it; `tops` may also import the file `services.ts`. */
function arrows(workspace, layout, tops = []) {
  const rules = Object.entries(layout).map(([room, below]) => ({
    name: `${workspace}-${room}`,
    comment: `${room} may import ${below.join(', ') || 'no other room'}`,
    severity: 'error',
    from: { path: source(workspace, room) },
    to: {
      path: `^packages/${workspace}/src/`,
      pathNot: [
        ...[room, ...below].map((name) => source(workspace, name)),
        ...(tops.includes(room) ? [`^packages/${workspace}/src/services\\.ts$`] : []),
      ],
    },
  }));
  const placed = {
    name: `${workspace}-placed`,
    comment: 'a folder that has no place in the layout above',
    severity: 'error',
    from: {
      path: `^packages/${workspace}/src/[^/]+/`,
      pathNot: Object.keys(layout).map((room) => source(workspace, room)),
    },
    to: {},
  };
  return [...rules, placed];
}

export default {
  forbidden: [
    { name: 'no-circle', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    ...arrows('daemon', daemon, ['system', 'server', 'cri']),
    ...arrows('client', client),
    ...arrows('ui', ui),
    {
      name: 'ui-in-browser',
      comment:
        'the page takes from the client what needs no Node: words for explanations, sizes, the frames of its WebSocket',
      severity: 'error',
      from: { path: '^packages/ui/' },
      to: {
        path: '^packages/',
        pathNot: [
          '^packages/(ui|templates|api-spec)/',
          '^packages/client/src/(explain|format)/',
          '^packages/client/src/(ui/protocol|parse/units)\\.ts$',
        ],
      },
    },
    {
      name: 'native-alone',
      comment: 'what speaks to the native programs knows nothing of those who use it',
      severity: 'error',
      from: { path: '^packages/(native|grpc|patterns|templates|api-spec)/' },
      to: { path: '^packages/(daemon|client)/' },
    },
    {
      name: 'client-apart',
      comment: 'client and daemon meet in the API alone',
      severity: 'error',
      from: { path: '^packages/client/' },
      to: { path: '^packages/(daemon|ui)/' },
    },
    {
      name: 'daemon-apart',
      severity: 'error',
      from: { path: '^packages/daemon/' },
      to: { path: '^(packages/(client|ui)|e2e)/' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: ['node_modules', 'packages/native/build'] },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
