import { CliError } from '../base/errors.ts';

/** The daemon cannot be reached. */
export class ConnectionError extends CliError {
  constructor(message: string) {
    super(message);
    this.name = 'ConnectionError';
  }
}
