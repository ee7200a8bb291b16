import { BadPatternError, compileGlob as compile, type Glob, type GlobOptions } from '@berth/patterns';
import { invalidParameter } from '../base/errors.ts';

export type { Glob };

/** Compiles a pattern that a client sent. @throws invalid-parameter `syntax error in pattern` */
export function compileGlob(pattern: string, options?: GlobOptions): Glob {
  try {
    return compile(pattern, options);
  } catch (error) {
    throw error instanceof BadPatternError ? invalidParameter(error.message, error) : error;
  }
}

/** Whether a pattern has no error in it. */
export function isGlob(pattern: string): boolean {
  try {
    compile(pattern);
    return true;
  } catch (error) {
    if (error instanceof BadPatternError) return false;
    throw error;
  }
}
