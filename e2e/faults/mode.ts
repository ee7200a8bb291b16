import type { TestDaemon } from '../support/daemon.ts';
import type { Excuses } from './excuses.ts';
import type { Journal } from './journal.ts';
import type { Random } from './random.ts';
import type { Stage, User } from './user.ts';

/** The processes and files that a fault can lay hands on, in one round. */
export interface Scene {
  daemon: TestDaemon;
  random: Random;
  journal: Journal;
  stage: Stage;
  users: User[];
  excuses: Excuses;
}

/** One kind of trouble. */
export interface Mode {
  /** Makes a daemon for many rounds; it is up and has the image `bb`. */
  open(parent: string): Promise<TestDaemon>;
  /** Lets users work, does the harm, and mends it: when it resolves the daemon runs and nothing is in its way. */
  harm(scene: Scene): Promise<void>;
  /** Takes away what `open` made besides the daemon. */
  close?(daemon: TestDaemon): Promise<void>;
}
