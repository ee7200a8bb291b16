import type { Tree } from '../tree.ts';
import type { Progress } from './progress/progress.ts';
import type { Session } from './session/session.ts';
import type { Solver } from './solver.ts';

/** What a build was asked for, and what it works with. */
export interface FrontendOptions {
  attributes: Record<string, string>;
  session: Session;
  solver: Solver;
  progress: Progress;
  folder: string;
  signal: AbortSignal;
  /** What its steps may have: asked for by the client, granted by the daemon. */
  entitlements: ReadonlySet<string>;
  /** Brings the whole context, where it does not come through the session. */
  fill?: (tree: Tree) => Promise<void>;
}
