import type { Scenario } from '../scenario.ts';
import { containers } from './containers.ts';
import { images, networks, pods, secrets, volumes } from './others.ts';

/** Every operation that changes something. */
export const scenarios: Scenario[] = [...containers, ...networks, ...volumes, ...images, ...secrets, ...pods];
