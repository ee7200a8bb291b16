import type { Tree } from '../tree/tree.ts';
import type { CacheImport } from './cache/types.ts';
import type { Progress } from './progress/progress.ts';
import type { Remembered } from './session/remembered.ts';
import type { Session } from './session/session.ts';
import type { Solver } from './solver/solver.ts';

/** The request of a build and the parts it works with. */
export interface FrontendOptions {
  attributes: Record<string, string>;
  session: Session;
  /** The files that clients have sent before. */
  remembered: Remembered;
  solver: Solver;
  progress: Progress;
  folder: string;
  signal: AbortSignal;
  /** The entitlements of its steps: asked for by the client, granted by the daemon. */
  entitlements: ReadonlySet<string>;
  /** The caches that steps may be taken from besides the daemon's own cache. */
  imports: CacheImport[];
  /** Brings the whole context, where it does not come through the session. */
  fill?: (tree: Tree) => Promise<void>;
}
