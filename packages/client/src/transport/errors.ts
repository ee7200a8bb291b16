import { CliError } from '../base/errors.ts';

/** The daemon cannot be reached. */
export class ConnectionError extends CliError {
  constructor(message: string) {
    super(message);
    this.name = 'ConnectionError';
  }
}

/** The daemon ended a connection before it answered. */
export class ClosedError extends Error {
  constructor() {
    super('the daemon closed the connection: EOF');
  }
}
