// The manual pages, the annotated configuration and the reference of it, from the tables that `--help` is made of.

/** A page's text as roff has it: what troff would obey is escaped. */
const roff = (text) =>
  text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll("'", '\\(aq').replace(/^\./gm, '\\&.');
const bold = (text) => `\\fB${roff(text)}\\fR`;
const italic = (text) => `\\fI${roff(text)}\\fR`;
const heading = (name, section, version, title) =>
  `.TH "${name.toUpperCase()}" "${section}" "" "Berth ${version}" "${title}"\n.nh\n.ad l\n`;
const section = (name, body) => `.SH ${name}\n${body.trimEnd()}\n`;
const sentence = (text) => `${roff(text)}${/[.!?:]$/.test(text) ? '' : '.'}`;

function flagEntry(name, flag) {
  const long = `${bold(`--${name}`)}${flag.type ? ` ${italic(flag.type)}` : ''}`;
  const shown = flag.shown ? ` Default: ${flag.shown}.` : '';
  return `.TP\n${flag.short ? `${bold(`-${flag.short}`)}, ` : ''}${long}\n${sentence(flag.help)}${roff(shown)}\n`;
}

function flagList(flags) {
  return Object.entries(flags)
    .filter(([, flag]) => !flag.hidden)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, flag]) => flagEntry(name, flag))
    .join('');
}

function commandPage(path, spec, version) {
  const page = path.replaceAll(' ', '-');
  const uses = spec.use.split('\n').map((use) => `${bold(path)} ${roff(use)}`.trimEnd());
  const flags = flagList(spec.flags);
  return [
    heading(page, 1, version, 'Berth'),
    section('NAME', `${roff(page)} \\- ${roff(spec.about)}`),
    section('SYNOPSIS', uses.join('\n.br\n')),
    section(
      'DESCRIPTION',
      `${sentence(spec.about)}${spec.more ? `\n.PP\n${roff(spec.more).replaceAll('\n', '\n.br\n')}` : ''}`,
    ),
    spec.aliases?.length ? section('ALIASES', spec.aliases.map(bold).join(', ')) : '',
    flags ? section('OPTIONS', flags) : '',
    section('SEE ALSO', `${bold('berth')}(1), ${bold('berthd')}(8)`),
  ].join('');
}

const ENVIRONMENT = [
  ['BERTH_HOST', 'Daemon to connect to, where no --host is given; DOCKER_HOST counts where it is not set'],
  ['DOCKER_CONTEXT', 'Context to use, where no --context and no host is given'],
  ['DOCKER_CONFIG', 'Folder of the client configuration'],
  ['BERTH_CONFIG', 'Folder of contexts'],
  ['DOCKER_API_VERSION', 'Version of the API to speak, whatever the daemon offers'],
  ['DOCKER_TLS_VERIFY', 'Verify the daemon by TLS where it is set'],
  ['DOCKER_CERT_PATH', 'Folder of the TLS files'],
  ['BERTH_BUILDKIT', '0 builds by the classic builder'],
];
const entries = (rows) => rows.map(([name, text]) => `.TP\n${bold(name)}\n${sentence(text)}\n`).join('');

/** The client's pages, by file name. Each command has one, by the shortest of its paths. */
export async function clientPages(version) {
  const { tree } = await import('../../packages/client/src/tree/tree.ts');
  const { globalFlags } = await import('../../packages/client/src/cli/globals.ts');
  const pages = new Map();
  const names = [];
  const add = async (path, leaf) => {
    const spec = (await leaf.load()).default;
    pages.set(`${path.replaceAll(' ', '-')}.1`, commandPage(path, spec, version));
    names.push([path, leaf.about]);
  };
  for (const [name, node] of Object.entries(tree)) {
    if (node.hidden) continue;
    if (!node.commands) await add(`berth ${name}`, node);
    else
      for (const [word, leaf] of Object.entries(node.commands))
        if (!leaf.hidden) await add(`berth ${name} ${word}`, leaf);
  }
  names.sort(([a], [b]) => (a < b ? -1 : 1));
  const list = names.map(([path, about]) => `.TP\n${bold(path)}\n${sentence(about)}\n`).join('');
  pages.set(
    'berth.1',
    [
      heading('berth', 1, version, 'Berth'),
      section('NAME', 'berth \\- containers, images, networks and volumes on this machine or another'),
      section('SYNOPSIS', `${bold('berth')} [OPTIONS] COMMAND [ARG...]`),
      section(
        'DESCRIPTION',
        `The client of ${bold('berthd')}(8), and of every daemon that speaks the Docker Engine API. Each command has a page of its own: ${bold('man berth\\-run')}.`.replaceAll(
          '\\e-',
          '\\-',
        ),
      ),
      section('OPTIONS', flagList(globalFlags)),
      section('COMMANDS', list),
      section('ENVIRONMENT', entries(ENVIRONMENT)),
      section(
        'FILES',
        entries([
          [
            '/run/berth/berth.sock',
            'Where the daemon of this machine answers; members of the group berth may use it',
          ],
          ['~/.docker/config.json', "Credentials and preferences, shared with Docker's client"],
          [
            '~/.docker/cli-plugins, /usr/libexec/docker/cli-plugins',
            "Docker's client plugins, run as commands: compose, buildx",
          ],
        ]),
      ),
      section('SEE ALSO', `${bold('berthd')}(8), ${bold('berth-daemon.json')}(5)`),
    ].join(''),
  );
  return pages;
}

/** Every flag of the daemon: name, key, type, default, whether SIGHUP changes it, help, limit. */
export async function daemonFlags() {
  const { FLAGS } = await import('../../packages/daemon/src/config/flags.ts');
  const { limitOf } = await import('../../packages/daemon/src/config/flag.ts');
  const { DEFAULTS } = await import('../../packages/daemon/src/config/defaults.ts');
  return FLAGS.map((flag) => ({
    ...flag,
    key: flag.flagOnly ? undefined : (flag.key ?? flag.name),
    initial: flag.field === undefined ? undefined : DEFAULTS[flag.field],
    help: flag.help.replace(/ \(default [^)]*\)/, ''),
    limit: limitOf(flag),
    reload: flag.reload === true,
  }));
}

const DAEMON_SIGNALS = [
  ['SIGHUP', 'The configuration file is read again; keys that may change while it runs are taken over'],
  ['SIGTERM, SIGINT', 'The daemon ends; containers go on'],
];

/** The daemon's pages, by file name. */
export async function daemonPages(version) {
  const flags = await daemonFlags();
  const options = flags
    .map(({ name, short, type, help, initial, limit }) => {
      const text = [
        sentence(help),
        initial === undefined || initial === '' || typeof initial === 'object'
          ? ''
          : roff(`Default: ${initial}.`),
        limit ? sentence(`Limited: ${limit}`) : '',
      ];
      return `.TP\n${short ? `${bold(`-${short}`)}, ` : ''}${bold(`--${name}`)}${type === 'boolean' ? '' : ` ${italic(type)}`}\n${text.filter(Boolean).join('\n')}\n`;
    })
    .join('');
  const keys = flags
    .filter(({ key }) => key)
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(
      ({ key, type, help, initial, limit, reload }) =>
        `.TP\n${bold(key)} (${TYPES[type] ?? type})\n${sentence(help)}\n${roff(`Default: ${initial === undefined ? 'none' : JSON.stringify(initial)}. ${reload ? 'Taken over by a reload.' : 'Needs a restart of the daemon.'}`)}\n${limit ? `${sentence(`Limited: ${limit}`)}\n` : ''}`,
    )
    .join('');
  return new Map([
    [
      'berthd.8',
      [
        heading('berthd', 8, version, 'Berth'),
        section('NAME', 'berthd \\- a container engine that speaks the Docker Engine API'),
        section('SYNOPSIS', `${bold('berthd')} [OPTIONS]`),
        section(
          'DESCRIPTION',
          'Owns namespaces, cgroups, image layers and bridge networks of this machine, and serves the Docker Engine API. Containers live on when it is stopped, upgraded or killed.\n.PP\nWith systemd it is socket\\-activated, says when it is ready, and is watched (Type=notify, WatchdogSec). Sockets that systemd passes are served whether or not there is \\fB\\-H fd://\\fR.',
        ),
        section('OPTIONS', options),
        section('SIGNALS', entries(DAEMON_SIGNALS)),
        section(
          'FILES',
          entries([
            ['/etc/berth/daemon.json', 'The configuration; see berth-daemon.json(5)'],
            ['/etc/default/berth', 'Options and environment of the service'],
            ['/var/lib/berth', 'Images, volumes, containers: all that must last'],
            ['/run/berth', 'Sockets, and all that ends with the machine'],
          ]),
        ),
        section('SEE ALSO', `${bold('berth')}(1), ${bold('berth-daemon.json')}(5)`),
      ].join(''),
    ],
    [
      'berth-daemon.json.5',
      [
        heading('berth-daemon.json', 5, version, 'Berth'),
        section('NAME', 'berth\\-daemon.json \\- the configuration of berthd'),
        section('SYNOPSIS', '/etc/berth/daemon.json'),
        section(
          'DESCRIPTION',
          'One JSON object with the keys below, which are those of Docker\\(aqs daemon.json. Lines that begin with // are comments. A key that is also given as a flag, an unknown key and a value of the wrong type keep the daemon from starting; \\fBberthd \\-\\-validate\\fR checks without starting.',
        ),
        section('KEYS', keys),
        section('SEE ALSO', `${bold('berthd')}(8)`),
      ].join(''),
    ],
  ]);
}

const TYPES = {
  string: 'string',
  boolean: 'true or false',
  integer: 'number',
  bytes: 'size, as 67108864 or "64m"',
  list: 'list of strings',
  map: 'object',
  maps: 'object of objects',
  ulimits: 'object of {Name, Soft, Hard}',
  pools: 'list of {base, size}',
  runtimes: 'object of {path, runtimeArgs}',
};

/** /etc/berth/daemon.json: nothing set, every key explained. */
export async function annotatedConfiguration() {
  const flags = (await daemonFlags()).filter(
    ({ key, refuse, field }) => key && field && (!refuse || key === 'storage-driver' || key === 'builder'),
  );
  const blocks = flags
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(
      ({ key, help, initial, reload }) =>
        `  // ${help}. ${reload ? 'A reload takes it over.' : 'Needs a restart.'}\n  // ${JSON.stringify(key)}: ${JSON.stringify(initial)},\n`,
    );
  return `// The configuration of berthd. Every key is shown with its default; take the // away from those that shall differ, and
// leave no comma behind the last. 'berthd --validate' checks it, 'systemctl reload berth' has it read again.
// man berth-daemon.json explains each, and the ones of Docker's that are refused.
{
${blocks.join('\n')}}
`;
}

/** The reference of the configuration as Markdown. */
export async function configurationReference() {
  const cell = (text) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
  const flags = await daemonFlags();
  const row = ({ key, name, short, type, initial, reload, help, limit }) =>
    `| \`${key ?? '(flag only)'}\` | \`${short ? `-${short}, ` : ''}--${name}\` | ${TYPES[type] ?? type} | ${initial === undefined ? '' : `\`${cell(JSON.stringify(initial))}\``} | ${reload ? 'reload' : key ? 'restart' : ''} | ${cell(help)}${limit ? `. **Limited**: ${cell(limit)}` : ''} |`;
  const applied = flags.filter(({ field, flagOnly }) => field || flagOnly);
  const refused = flags.filter((flag) => !applied.includes(flag));
  const head =
    '| key | flag | type | default | changed by | meaning |\n| --- | --- | --- | --- | --- | --- |\n';
  return `# Configuration of the daemon

<!-- Made by \`npm run setup\` from packages/daemon/src/config/. -->

\`berthd\` reads \`/etc/berth/daemon.json\` (another by \`--config-file\`) and its command line. The keys and flags are dockerd's.
Lines that begin with \`//\` are comments. A key that is also given as a flag is an error, so is a key that does not exist.
\`berthd --validate\` checks and ends. SIGHUP (\`systemctl reload berth\`) has the file read again; what is "restart" below
takes effect when the daemon is started again, which no container notices.

${head}${applied.map(row).join('\n')}

## Taken from dockerd, and refused

They are accepted with the value that says what is done anyway, and refused by name with any other.

${head}${refused.map(row).join('\n')}
`;
}
