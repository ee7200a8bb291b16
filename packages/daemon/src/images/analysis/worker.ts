/*
 * The analysis of an image: a thread of the daemon, as trees of hundreds of thousands of files are made and thrown away, and
 * collecting them would hold up all requests.
 */
import { serveThread } from '../../base/thread.ts';
import { openLayerReader } from '../../layers/index.ts';
import { analyzeLayers } from './analyze.ts';
import type { AnalysisJob } from './job.ts';

serveThread<AnalysisJob>((job, signal) => analyzeLayers(openLayerReader(job.files), job, signal));
