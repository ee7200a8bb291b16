/** The options that stand before the command. */
export interface GlobalOptions {
  config?: string;
  context?: string;
  debug: boolean;
  hosts: readonly string[];
  logLevel: string;
  tls: boolean;
  tlsVerify: boolean;
  tlsCaCert?: string;
  tlsCert?: string;
  tlsKey?: string;
}

/** How the program was called, as far as the choice of a daemon depends on it. */
export interface Invocation {
  readonly options: GlobalOptions;
  readonly env: NodeJS.ProcessEnv;
  /** Where Docker's client keeps its `config.json`. */
  readonly configFolder: string;
  /** Where Berth keeps contexts. */
  readonly contextFolder: string;
}
