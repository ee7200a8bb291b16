import type { Rule } from '../rule.ts';
import { ISOLATION } from './isolation.ts';
import { RESOURCES } from './resources.ts';
import type { ContainerSubject } from './subject.ts';

export type { ContainerSubject };
export const CONTAINER_RULES: Rule<ContainerSubject>[] = [...ISOLATION, ...RESOURCES];
