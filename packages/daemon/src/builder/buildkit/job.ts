import type { Message } from '@berth/grpc';
import type { Tree } from '../tree.ts';
import type { CacheExports, CacheImport } from './cache/types.ts';
import { Progress } from './progress/progress.ts';
import type { Session } from './session/session.ts';
import type { Solver } from './solver.ts';
import type { StageResult } from './steps/step.ts';

/** A solve that a client asked for: what its parts share. */
export class Job {
  readonly ref: string;
  readonly progress = new Progress();
  readonly results = new Map<string, StageResult>();
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
  /** Where steps may be taken from, and where they are to go. */
  imports: CacheImport[] = [];
  exports: CacheExports = { inline: false, registry: [] };
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
