import { openFfi } from './ffi.ts';

/** nftables through its own library, so that no program is started for a change. */
export interface Nftables {
  /** Runs one transaction in nftables' language, off the event loop. @throws Error with nft's own words. */
  run(commands: string): Promise<void>;
  /** Runs a listing and gives nft's JSON. */
  json(command: string): Promise<unknown>;
  /** Runs a listing and gives it as nft prints it, without the elements of sets. */
  text(command: string): Promise<string>;
}

const NUMERIC_PROTOCOLS = 1 << 7;
const JSON_OUTPUT = 1 << 4;
const TERSE = 1 << 11;

/**
 * Opens libnftables (lazily: with the first command). Commands run one after the other, each in a worker thread.
 * @throws from `run`, where the library is missing.
 */
export function openNftables(): Nftables {
  let library: ReturnType<typeof load> | undefined;
  let queue: Promise<unknown> = Promise.resolve();
  const next = <T>(work: () => Promise<T>): Promise<T> => {
    const result = queue.then(work);
    queue = result.catch(() => undefined);
    return result;
  };
  const opened = () => {
    library ??= load();
    return library;
  };
  return {
    run: (commands) =>
      next(async () => {
        const { execute } = opened();
        await execute(commands, 'change');
      }),
    json: (command) =>
      next(async () => {
        const { execute } = opened();
        return JSON.parse(await execute(command, 'json'));
      }),
    text: (command) =>
      next(async () => {
        const { execute } = opened();
        return execute(command, 'text');
      }),
  };
}

function load() {
  const koffi = openFfi();
  let library: ReturnType<typeof koffi.load>;
  try {
    library = koffi.load('libnftables.so.1');
  } catch (cause) {
    throw new Error('libnftables.so.1 cannot be loaded: is the package libnftables1 installed?', { cause });
  }
  const create = library.func('void *nft_ctx_new(uint32_t flags)');
  const run = library.func('int nft_run_cmd_from_buffer(void *ctx, const char *buf)');
  const bufferOutput = library.func('int nft_ctx_buffer_output(void *ctx)');
  const bufferError = library.func('int nft_ctx_buffer_error(void *ctx)');
  const output = library.func('const char *nft_ctx_get_output_buffer(void *ctx)');
  const error = library.func('const char *nft_ctx_get_error_buffer(void *ctx)');
  const setFlags = library.func('void nft_ctx_output_set_flags(void *ctx, unsigned int flags)');

  const context = (flags: number) => {
    const made: unknown = create(0);
    bufferOutput(made);
    bufferError(made);
    setFlags(made, flags);
    return made;
  };
  const FLAGS = {
    change: NUMERIC_PROTOCOLS,
    json: JSON_OUTPUT | NUMERIC_PROTOCOLS,
    text: NUMERIC_PROTOCOLS | TERSE,
  };
  const contexts = new Map<keyof typeof FLAGS, unknown>();

  const execute = (commands: string, kind: keyof typeof FLAGS): Promise<string> =>
    new Promise((resolve, reject) => {
      const chosen = contexts.get(kind) ?? context(FLAGS[kind]);
      contexts.set(kind, chosen);
      run.async(chosen, commands, (failure: unknown, status: number) => {
        const said = String(error(chosen) ?? '').trim();
        const text = String(output(chosen) ?? '');
        if (failure) reject(failure);
        else if (status !== 0) reject(new Error(said || 'nftables refused a change'));
        else resolve(text);
      });
    });
  return { execute };
}
