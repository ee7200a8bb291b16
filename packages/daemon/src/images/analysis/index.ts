import { inThread, threadProgram } from '../../base/thread.ts';
import type { Layers } from '../../layers/api.ts';
import type { ImageAnalysis } from '../api.ts';
import type { Entry } from '../catalogue.ts';
import type { AnalysisJob } from './job.ts';

const PROGRAM = threadProgram(import.meta.url, './worker.ts', './berthd-analysis.mjs');
const MEMORY = 1024;

/**
 * Looks into the layers of an image: what each adds, changes, hides and wastes, what is largest, what is there twice and
 * what could go. Reads every layer's headers, and the contents of those files that must be compared, in a thread.
 * @throws unsupported for an image of more files than memory is given for
 */
export function analyzeImage(
  layers: Layers,
  { id, config }: Entry,
  name: string,
  { top, signal }: { top?: number; signal?: AbortSignal } = {},
): Promise<ImageAnalysis> {
  const diffIds = config.rootfs.diff_ids;
  const job: AnalysisJob = {
    id,
    name,
    diffIds,
    steps: (config.history ?? []).flatMap((step) => (step.empty_layer ? [] : [step.created_by ?? ''])),
    files: layers.files(diffIds),
    ...(top !== undefined && { top }),
  };
  return inThread<ImageAnalysis>(PROGRAM, job, {
    name: 'analysis',
    memory: MEMORY,
    tooLarge: 'the image has more files than can be analysed: look at a smaller one that it is made of',
    signal,
  });
}
