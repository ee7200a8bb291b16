import type { LayerFiles } from '../../layers/api.ts';

/** An image as its analysis needs it: plain data, given to a thread. */
export interface AnalysisJob {
  id: string;
  /** The name by which it was asked for. */
  name: string;
  diffIds: string[];
  /** The steps that made the layers, in their order. */
  steps: string[];
  files: LayerFiles;
  /** Bound of the lists. */
  top?: number;
}
