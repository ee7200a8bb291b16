import type { Dockerfile } from '../../../../dockerfile/types.ts';
import type { Stage } from '../../../stages.ts';
import type { Findings } from './findings.ts';

/** A base image's settings that checks look at. */
export interface BaseSettings {
  env: string[];
  /** `os/architecture`. */
  platform: string;
}

/** A Dockerfile and what its checks know of the build. */
export interface StageContext {
  dockerfile: Dockerfile;
  findings: Findings;
  /** Arguments that are known in FROM: predefined, declared before the first stage, by name. */
  global: ReadonlyMap<string, string | undefined>;
  /** The same as the Dockerfile has them, without what the client gave. */
  defaults: ReadonlyMap<string, string | undefined>;
  given: Record<string, string>;
  targetPlatform: string;
  /** The settings of a stage's base image; undefined for a stage on another, or on nothing. */
  base: (stage: Stage) => Promise<BaseSettings | undefined>;
  parent: (stage: Stage) => Stage | undefined;
  /** The text of the .dockerignore; undefined where nobody asked for that check. */
  ignore: string | undefined;
}

/** The variables and settings at a point of a stage; one that stands on it begins with them. */
export interface StageState {
  names: Map<string, string>;
  declared: Set<string>;
  hasWorkdir: boolean;
}
