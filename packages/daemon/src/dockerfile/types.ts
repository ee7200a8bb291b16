/**
 * The `config` of an OCI image configuration (image-spec, config.md) with Docker's additions: what a container inherits,
 * and what the metadata instructions of a Dockerfile change.
 */
export interface ImageRunConfig {
  User?: string;
  Env?: string[];
  Cmd?: string[] | null;
  Entrypoint?: string[] | null;
  ExposedPorts?: Record<string, object>;
  Volumes?: Record<string, object>;
  WorkingDir?: string;
  Labels?: Record<string, string>;
  StopSignal?: string;
  Healthcheck?: Healthcheck;
  OnBuild?: string[] | null;
  Shell?: string[];
  ArgsEscaped?: boolean;
  // Members of a container's own, which a commit writes down as dockerd does. Nothing is started by them.
  Hostname?: string;
  Domainname?: string;
  AttachStdin?: boolean;
  AttachStdout?: boolean;
  AttachStderr?: boolean;
  Tty?: boolean;
  OpenStdin?: boolean;
  StdinOnce?: boolean;
  Image?: string;
  NetworkDisabled?: boolean;
  MacAddress?: string;
  StopTimeout?: number;
}

/** A health check as Docker's API has it; times in nanoseconds. */
export interface Healthcheck {
  Test?: string[];
  Interval?: number;
  Timeout?: number;
  StartPeriod?: number;
  StartInterval?: number;
  Retries?: number;
}

/** A here-document of an instruction (Dockerfile 1.4 syntax). */
export interface Heredoc {
  name: string;
  /** False where the delimiter was quoted: variables stay as written. */
  expand: boolean;
  /** The lines of the here-document as they stand. */
  content: string;
  /** `<<-`: leading tabs are dropped. */
  chomp: boolean;
}

/** One instruction as written. */
export interface Instruction {
  /** Upper case: RUN, COPY ... */
  name: string;
  /** The name as written. */
  written: string;
  /** Line numbers, from 1. */
  line: number;
  endLine: number;
  /** The instruction's text with continuations joined, as progress and history show it. */
  original: string;
  flags: Array<{ name: string; value: string; bare: boolean }>;
  /** The text after name and flags, continuations joined. */
  rest: string;
  /** The strings of a JSON form, or null where the arguments are no JSON array of strings. */
  json: string[] | null;
  /** The instruction's arguments, split as its kind has them, variables and quotes as written; none for ENV and LABEL. */
  args: string[];
  /** Names and values of ENV and LABEL, as written. */
  pairs: Array<[name: string, value: string]>;
  heredocs: Heredoc[];
  /** The comments right before it, without their `#`. */
  comments: string[];
  /** The instruction of an ONBUILD; null for others and for none. */
  trigger: Instruction | null;
}

/** A parsed Dockerfile. */
export interface Dockerfile {
  escape: '\\' | '`';
  /** Parser directives (`# syntax=...`), lower case names. */
  directives: Record<string, string>;
  instructions: Instruction[];
  /** Warnings for the author, e.g. of an empty continuation line. */
  warnings: string[];
  /** The last lines of instructions that have an empty line among their continuations. */
  emptyContinuations: number[];
}
