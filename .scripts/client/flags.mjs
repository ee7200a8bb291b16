// At the exit Node waits for V8's threads, and one that compiles may wait, for ever, for a collection by the main thread.
/** Node's options for the client. */
export const CLIENT_FLAGS = ['--no-concurrent-sparkplug', '--no-concurrent-recompilation'];
