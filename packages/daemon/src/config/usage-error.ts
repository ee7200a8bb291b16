/** A mistake of the user's in flags or the configuration file: its message is all there is to say. */
export class UsageError extends Error {}
