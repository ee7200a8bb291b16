/** One request of a scenario. */
export interface Step {
  method: string;
  /** Without the version; `${NAME}` stands for what an earlier step saved. */
  path: string;
  /** JSON, a text that is sent as it is, or the bytes of an archive. */
  body?: unknown;
  headers?: Record<string, string>;
  /** Tells steps of the same path apart. */
  note?: string;
  /** The oldest version that has what is asked, its minor number. */
  since?: number;
  /** The path has no version before it. */
  plain?: boolean;
  /** The `Id` of the answer is kept under this name. */
  save?: string;
  /** Milliseconds that the answer is read for. */
  ms?: number;
  /** Milliseconds to wait afterwards. */
  settle?: number;
  /** The body is not compared. */
  unread?: boolean;
  /** The part of each JSON value that is compared. */
  pick?(value: unknown): unknown;
}

export interface Scenario {
  name: string;
  steps: Step[];
}

type Options = Omit<Step, 'method' | 'path' | 'body'>;

export const get = (path: string, options: Options = {}): Step => ({ method: 'GET', path, ...options });
export const head = (path: string, options: Options = {}): Step => ({ method: 'HEAD', path, ...options });
export const del = (path: string, options: Options = {}): Step => ({ method: 'DELETE', path, ...options });
export const post = (path: string, body?: unknown, options: Options = {}): Step => ({
  method: 'POST',
  path,
  body,
  ...options,
});
export const put = (path: string, body?: unknown, options: Options = {}): Step => ({
  method: 'PUT',
  path,
  body,
  ...options,
});

/** A query value: JSON, escaped. */
export const json = (value: unknown): string => encodeURIComponent(JSON.stringify(value));

/** Creates a container that sleeps and starts it. */
export const running = (name: string, body: object = {}): Step[] => [
  post(`/containers/create?name=${name}`, { Image: 'bb:latest', Cmd: ['sleep', '600'], ...body }),
  post(`/containers/${name}/start`),
];

/** Creates one that fails to be: `config` has the fault. */
export const refused = (note: string, config: object): Step[] => [
  post('/containers/create?name=bad', { Image: 'bb:latest', Cmd: ['true'], ...config }, { note }),
  del('/containers/bad?force=1&v=1', { note: `after ${note}` }),
];
