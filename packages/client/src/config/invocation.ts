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
  /** The folder of the `config.json` of Docker's client. */
  readonly configFolder: string;
  /** The folder of Berth's contexts. */
  readonly contextFolder: string;
}
