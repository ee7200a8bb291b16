import type { Containers } from '../containers/api.ts';
import type { Events } from '../events/api.ts';
import type { Layers } from '../layers/api.ts';
import type { Runtime } from '../runtime/api.ts';

/** The rooms that metrics are read from. */
export interface MetricsRooms {
  events: Events;
  layers: Layers;
  runtime: Runtime;
  containers: Containers;
}

/** The engine's and the containers' metrics. */
export interface Metrics {
  /** In Prometheus's text format. */
  text(): Promise<string>;
}

/** The type of that text. */
export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
