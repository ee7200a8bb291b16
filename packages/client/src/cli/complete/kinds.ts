/* The kinds of words that may stand as the arguments of commands and as the values of flags. */

/** A kind of object that a daemon or the configuration knows. */
export type Source =
  | 'running'
  | 'paused'
  | 'stopped'
  | 'container'
  | 'image'
  | 'network'
  | 'volume'
  | 'secret'
  | 'config'
  | 'context'
  | 'any'
  | 'copy';

/**
 * The kind of each argument of a command: one for each place, the last for all that follow; `+` ends with more of it.
 */
export const argumentKinds: Record<string, readonly (Source | 'files' | 'none' | 'more')[]> = {
  attach: ['running', 'none'],
  build: ['files', 'none'],
  commit: ['container', 'image', 'none'],
  cp: ['copy', 'copy', 'none'],
  create: ['image', 'files', 'more'],
  diff: ['container', 'none'],
  exec: ['running', 'files', 'more'],
  export: ['container', 'none'],
  history: ['image', 'none'],
  images: ['image', 'none'],
  import: ['files', 'none'],
  inspect: ['any', 'more'],
  kill: ['running', 'more'],
  logs: ['container', 'none'],
  pause: ['running', 'more'],
  port: ['running', 'none'],
  ps: ['none'],
  pull: ['image', 'none'],
  push: ['image', 'none'],
  rename: ['container', 'none'],
  restart: ['container', 'more'],
  rm: ['container', 'more'],
  rmi: ['image', 'more'],
  run: ['image', 'files', 'more'],
  save: ['image', 'more'],
  start: ['stopped', 'more'],
  stats: ['running', 'more'],
  stop: ['running', 'more'],
  tag: ['image', 'none'],
  top: ['running', 'none'],
  unpause: ['paused', 'more'],
  update: ['container', 'more'],
  wait: ['container', 'more'],
  'container inspect': ['container', 'more'],
  'checkpoint create': ['running', 'none'],
  'checkpoint ls': ['container', 'none'],
  'checkpoint rm': ['container', 'none'],
  'config create': ['none', 'files', 'none'],
  'config inspect': ['config', 'more'],
  'config rm': ['config', 'more'],
  'context export': ['context', 'files', 'none'],
  'context import': ['none', 'files', 'none'],
  'context inspect': ['context', 'more'],
  'context rm': ['context', 'more'],
  'context update': ['context', 'none'],
  'context use': ['context', 'none'],
  'image analyze': ['image', 'none'],
  'image inspect': ['image', 'more'],
  'image rm': ['image', 'more'],
  'network connect': ['network', 'container', 'none'],
  'network disconnect': ['network', 'container', 'none'],
  'network inspect': ['network', 'more'],
  'network rm': ['network', 'more'],
  'secret create': ['none', 'files', 'none'],
  'secret inspect': ['secret', 'more'],
  'secret rm': ['secret', 'more'],
  'volume clone': ['volume', 'none'],
  'volume export': ['volume', 'none'],
  'volume import': ['volume', 'files', 'none'],
  'volume snapshot': ['volume', 'none'],
  'volume inspect': ['volume', 'more'],
  'volume rm': ['volume', 'more'],
};

const signals = ['HUP', 'INT', 'QUIT', 'KILL', 'USR1', 'USR2', 'TERM', 'STOP', 'CONT'].map(
  (name) => `SIG${name}`,
);

/** The values of a flag, or the objects that it names; files for flags that are not here. */
export const flagValues: Record<string, readonly string[] | Source> = {
  attach: ['stdin', 'stdout', 'stderr'],
  cgroupns: ['host', 'private'],
  context: 'context',
  format: ['json', 'table'],
  ipc: ['none', 'private', 'shareable', 'host'],
  'log-driver': ['awslogs', 'fluentd', 'gelf', 'journald', 'json-file', 'local', 'none', 'splunk', 'syslog'],
  'log-level': ['debug', 'info', 'warn', 'error', 'fatal'],
  network: 'network',
  pid: ['host'],
  progress: ['auto', 'plain', 'tty'],
  pull: ['always', 'missing', 'never'],
  restart: ['no', 'always', 'on-failure', 'unless-stopped'],
  secret: 'secret',
  signal: signals,
  'stop-signal': signals,
  type: ['container', 'image', 'network', 'volume'],
  userns: ['host'],
  uts: ['host'],
  volume: 'volume',
  'volumes-from': 'container',
};
