import type { Limits } from './limits.ts';

/** How the registry client is opened; tests choose shorter times and folders of their own. */
export interface RegistryOptions {
  limits?: Partial<Limits>;
  certificateFolders?: readonly string[];
}
