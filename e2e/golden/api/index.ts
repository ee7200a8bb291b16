import { containers } from './containers.ts';
import { creates } from './creates.ts';
import { images } from './images.ts';
import { lifecycle } from './lifecycle.ts';
import { networks } from './networks.ts';
import type { Scenario } from './scenario.ts';
import { streams } from './streams.ts';
import { system } from './system.ts';
import { volumes } from './volumes.ts';

export const scenarios: Scenario[] = [
  ...system,
  ...containers,
  ...creates,
  ...lifecycle,
  ...streams,
  ...images,
  ...networks,
  ...volumes,
];
