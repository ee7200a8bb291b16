import { AsyncLocalStorage } from 'node:async_hooks';
import type { Message } from '@berth/grpc';
import type { Tree } from '../tree/tree.ts';
import type { CacheExports, CacheImport } from './cache/types.ts';
import type { PlatformResult } from './dockerfile-build.ts';
import { Progress } from './progress/progress.ts';
import type { Session } from './session/session.ts';
import type { Solver } from './solver/solver.ts';

/** A solve that a client asked for: what its parts share. */
export class Job {
  readonly ref: string;
  readonly started = new Date();
  /** Does work as a part of the call that asked for the solve: its spans stand below that call's. */
  readonly within = AsyncLocalStorage.snapshot();
  /** The Dockerfile of the builds that the client's own build function asked for. */
  source = { filename: 'Dockerfile', text: '' };
  readonly progress = new Progress();
  readonly results = new Map<string, PlatformResult>();
  /** The result that the client's own build function returned. */
  readonly returned: Promise<Partial<Message<'Result'>>>;
  resolveReturned!: (result: Partial<Message<'Result'>>) => void;
  rejectReturned!: (error: Error) => void;
  session: Promise<Session> | undefined;
  solver: Solver | undefined;
  /** Brings the context when it does not come through the session. */
  fill: ((tree: Tree) => Promise<void>) | undefined;
  /** The entitlements that the client has asked for and the daemon grants. */
  entitlements: ReadonlySet<string> = new Set();
  /** Statements of how it was made, for the history. */
  told: Array<{ predicateType: string; body: Buffer }> = [];
  /** Attributes of the request to solve. */
  attributes: Record<string, string> = {};
  /** The caches that steps may be taken from, and those that they are to go to. */
  imports: CacheImport[] = [];
  exports: CacheExports = { inline: false, targets: [] };
  /** Why it was not begun. */
  refused: Error | undefined;
  folder = '';
  readonly abort = new AbortController();

  constructor(ref: string) {
    this.ref = ref;
    this.returned = new Promise((resolve, reject) => {
      this.resolveReturned = resolve;
      this.rejectReturned = reject;
    });
    this.returned.catch(() => undefined);
  }
}
