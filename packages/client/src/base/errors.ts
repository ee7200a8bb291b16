/** An error for the user, with the exit code the command ends with. An empty message prints nothing. */
export class CliError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.name = 'CliError';
    this.exitCode = exitCode;
  }
}

/** The user aborted (Ctrl-C): exit code 130 and nothing printed. */
export class Interrupted extends CliError {
  constructor() {
    super('', 130);
  }
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
