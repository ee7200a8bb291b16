/*
 * The look into the layers of an image that is audited: a thread of the daemon, as all their bytes are read and searched.
 */
import { serveThread } from '../base/thread.ts';
import type { LayerFiles } from '../layers/api.ts';
import { openLayerReader } from '../layers/index.ts';
import { scanLayers } from './scan.ts';

/** Layers that are to be scanned, the lowest first. */
export interface ScanJob {
  diffIds: string[];
  files: LayerFiles;
}

serveThread<ScanJob>(({ diffIds, files }, signal) => scanLayers(openLayerReader(files), diffIds, signal));
