import { codec } from './codec.ts';
import { CONTAINERS } from './cri/containers.ts';
import { ENGINE } from './cri/engine.ts';
import { SANDBOXES } from './cri/sandboxes.ts';

/**
 * The messages of the Container Runtime Interface, v1, with the field numbers that its definition has published
 * (cri-api 0.34; of what is for Windows alone, only that it is there). An enum is its number.
 */
export const cri = codec({ ...SANDBOXES, ...CONTAINERS, ...ENGINE });
