import { clipped } from '../base/text.ts';

/** A line of the engine's progress. */
export interface ProgressLine {
  id?: string;
  status?: string;
  progressDetail?: { current?: number; total?: number } | null;
  error?: string;
}

/** How far a layer is. */
export interface LayerProgress {
  id: string;
  status: string;
  /** Bytes; 0: not known yet. */
  current: number;
  total: number;
  /** The layer is here. */
  done: boolean;
}

export interface Pull {
  key: number;
  image: string;
  state: 'running' | 'done' | 'failed' | 'cancelled';
  /** The last line that is about the whole, or why it failed. */
  said: string;
  layers: readonly LayerProgress[];
}

/** Layers whose bars are shown; images have at most some hundred. */
const MOST_LAYERS = 500;
/** Characters of an engine's message, and of what stands beside a bar. */
const WIDEST = 2000;
const WIDEST_WORD = 160;

const OF_LAYER =
  /^(?:Pulling fs layer|Waiting|Downloading|Verifying Checksum|Download complete|Extracting|Pull complete|Already exists|Retrying)/;
const WHOLE = /^(?:Pull complete|Already exists)$/;

/** The state of a pull after a line of the engine. */
export function withLine(pull: Pull, line: ProgressLine): Pull {
  if (line.error !== undefined)
    return { ...pull, state: 'failed', said: clipped(String(line.error), WIDEST) };
  const id = line.id === undefined ? undefined : clipped(String(line.id), WIDEST_WORD);
  const status = clipped(String(line.status ?? ''), WIDEST_WORD);
  if (id === undefined || !OF_LAYER.test(status))
    return status ? { ...pull, said: id === undefined ? status : `${status} (${id})` } : pull;
  const known = pull.layers.find((layer) => layer.id === id);
  if (!known && pull.layers.length === MOST_LAYERS) return pull;
  const { current, total } = line.progressDetail ?? {};
  const layer: LayerProgress = {
    id,
    status,
    current: current ?? 0,
    total: total ?? known?.total ?? 0,
    done: WHOLE.test(status),
  };
  return {
    ...pull,
    layers: known ? pull.layers.map((one) => (one === known ? layer : one)) : [...pull.layers, layer],
  };
}
