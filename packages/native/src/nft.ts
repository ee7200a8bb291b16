import { openFfi } from './ffi.ts';

/** nftables through its own library, so that no program is started for a change. */
export interface Nftables {
  /** Runs one transaction in nftables' language, off the event loop. @throws Error with nft's own words. */
  run(commands: string): Promise<void>;
  /** Runs a listing and gives nft's JSON. */
  json(command: string): Promise<unknown>;
}

const NUMERIC_PROTOCOLS = 1 << 7;
const JSON_OUTPUT = 1 << 4;

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
        await execute(commands, false);
      }),
    json: (command) =>
      next(async () => {
        const { execute } = opened();
        return JSON.parse(await execute(command, true));
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
  const plain = context(NUMERIC_PROTOCOLS);
  let listing: unknown;

  const execute = (commands: string, json: boolean): Promise<string> =>
    new Promise((resolve, reject) => {
      if (json) listing ??= context(JSON_OUTPUT | NUMERIC_PROTOCOLS);
      const chosen = json ? listing : plain;
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
