export { BadPatternError, compileGlob, type Glob, type GlobOptions } from './glob.ts';
